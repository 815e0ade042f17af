"""A scene of the trained miniature, sampled by any solver with the official numbers: what two benchmarks share."""

SHIFT, CFG = 16.0, 5.0
TASKS = ("t2v", "depth", "inpaint", "reference")
FIRST_SCENE = 500  # after those that the tables of quality are made of


class Scene:
    """One request of a task, encoded once.

    Attributes:
        task: Its name.
        case: What is asked for and what to look for.
    """

    def __init__(self, studio, cases, number):
        self.task, self.seed, self._studio = TASKS[number % len(TASKS)], cases.FIRST_SEED + FIRST_SCENE + number, studio
        self.case = cases.CASES[self.task](studio.call, self.seed)
        texts = [studio.call("CLIPTextEncode", clip=studio.clip, text=text)[0] for text in (self.case.caption, "")]
        self._inputs = studio.call(
            "VaceApplyContext", positive=texts[0], negative=texts[1], context=studio.encode(self.case.vcu)
        )[:3]

    def sample(self, steps, sampler, scheduler):
        """The LATENT of so many steps by a solver and a spacing."""
        numbers = {"steps": steps, "cfg": CFG, "shift": SHIFT, "sampler": sampler, "scheduler": scheduler}
        named = dict(zip(("positive", "negative", "latent"), self._inputs, strict=True))
        settings = {"settings": "custom", **numbers}
        return self._studio.call(
            "VaceSampleContext", model=self._studio.model, seed=self.seed, settings=settings, **named
        )[0]

    def judge(self, latent):
        """How well a LATENT's frames show what was asked for, by measure."""
        return self.case.judge(self._studio.call("VaceDecodeLatent", samples=latent, vae=self._studio.vae)[0])
