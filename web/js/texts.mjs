// Every text that the page shows, in English and Chinese, by ComfyUI's choice of language. {words} are filled in.
import { app } from "../../../scripts/app.js";

export const LANGUAGES = ["en", "zh"];

export const TEXTS = {
  // VACE Preview VCU
  show: ["▶ Show this VCU", "▶ 查看此 VCU"],
  showTip: ["Run this node and what is before it, and nothing else: no sampling.", "只运行此节点及其之前的节点，不运行其他，也不采样。"],

  // All editors
  frame: ["Frame", "帧"],
  frameNumber: ["frame {frame}", "第 {frame} 帧"],
  play: ["Play", "播放"],
  close: ["Hide the editor", "收起编辑器"],
  larger: ["Larger", "放大"],
  loading: ["Loading the clip ...", "正在加载片段……"],
  kept: ["kept", "保留"],

  // Boxes and paths
  drawBoxes: ["Draw boxes", "绘制方框"],
  addBox: ["+ Box", "+ 方框"],
  addBoxTip: ["Add a box (or drag on the picture)", "添加方框（也可在画面上拖动）"],
  key: ["◆ Key", "◆ 关键"],
  keyTip: [
    "Key frame here (K): begins a path, adds a point to it, or takes it out",
    "在此处设关键帧（K）：开始一条路径，给路径加一点，或去掉这一点",
  ],
  curve: ["∿ Curve", "∿ 曲线"],
  curveTip: ["Let the path go through its boxes in a curve (C), or in straight lines", "路径以曲线经过各方框（C），或走直线"],
  removeBox: ["− Box", "− 方框"],
  removeBoxTip: ["Remove the box (Delete)", "删除方框（Delete）"],
  unitTip: ["Unit of new boxes: per cent or pixels", "新方框的单位：百分比或像素"],
  takeSize: ["⤓ size", "⤓ 尺寸"],
  takeSizeTip: ["Take width, height and length of the clip", "采用片段的宽度、高度和长度"],
  boxesWired: ["boxes comes through a wire: change it where it comes from.", "方框由连线传入：请在来源处修改。"],
  boxesUnread: ['Kept as it is, not drawn: "{text}" ({why}).', "原样保留，未绘制：“{text}”（{why}）。"],
  clipFailed: [
    "The browser cannot show this clip. Boxes can be drawn all the same.",
    "浏览器无法显示此片段，仍可绘制方框。",
  ],
  noClip: ["No clip found: boxes on an empty frame", "未找到片段：在空白帧上绘制方框"],
  drawABox: ["Drag on the picture to draw a box.", "在画面上拖动以绘制方框。"],
  chooseABox: ["Click a box to choose it, or drag to draw another.", "点击方框以选中，或拖动再画一个。"],
  box: ["Box {number}", "方框 {number}"],
  place: ["{name}: {box} px{outside}", "{name}：{box} px{outside}"],
  outside: [", outside the frame", "，在画面之外"],
  standsStill: ["{place}. Stands still; ◆ makes it move.", "{place}。静止不动；按 ◆ 使其移动。"],
  isKey: ["{place}. Key frame.", "{place}。关键帧。"],
  noKey: ["{place}. Drag it here to add a key frame.", "{place}。在此拖动即添加关键帧。"],
  noBox: ["there is no box", "没有方框"],
  notABox: ['"{word}" is not a box', "“{word}”不是方框"],
  noArea: ["{word} has no area", "{word} 没有面积"],
  outsideClip: ["{word} is outside the clip", "{word} 在片段之外"],
  timesFall: ["its times do not rise", "时间没有递增"],

  // Outpaint
  chooseCanvas: ["Choose the canvas", "选择画布"],
  growTo: ["Grow to {aspect}", "扩展到 {aspect}"],
  even: ["Even", "均匀"],
  evenBorderTip: ["The same border on opposite sides", "相对的两边留同样的边"],
  canvasWired: ["Where it grows comes through a wire.", "扩展方式由连线传入。"],
  innerAspect: [
    "inner keeps the size, so it has no aspect. Drag an edge, or choose ratio or pixels.",
    "inner 保持尺寸，因此没有宽高比。请拖动一条边，或选择 ratio 或 pixels。",
  ],
  aspectUnread: ['Kept as it is, not drawn: "{text}" is no aspect, such as 16:9.', "原样保留，未绘制：“{text}”不是宽高比（例如 16:9）。"],
  nothingGrows: ["Nothing would be generated: drag an edge outwards.", "没有可生成的部分：请向外拖动一条边。"],
  nothingLeft: ["Nothing of the clip is left inside. Make the border smaller.", "片段内部没有剩余，请把边缩小。"],
  growth: ["{from} → {to} (+{more}% area{scale})", "{from} → {to}（面积 +{more}%{scale}）"],
  clipAt: [", clip at {percent}%", "，片段缩至 {percent}%"],
  sizeUnknown: ["{growth}. The clip's size is not known yet.", "{growth}。片段的尺寸还不知道。"],
  takesLong: ["{growth}. That takes long: give a width or height.", "{growth}。这会很慢：请给出宽度或高度。"],

  // Strength
  drawStrength: ["Draw the strength", "绘制强度"],
  steps: ["Steps", "步数"],
  stepsTip: ["Strength over the sampling: left is noise, right is the video", "采样过程中的强度：左为噪波，右为视频"],
  frames: ["Frames", "帧"],
  framesTip: ["Strength over the video: left is its first frame", "视频各帧的强度：左为首帧"],
  fadeOut: ["Fade out", "渐弱"],
  fadeIn: ["Fade in", "渐强"],
  curveWired: ["This strength comes through a wire.", "此强度由连线传入。"],
  curveUnread: ["Kept as it is, not drawn: the text is no curve.", "原样保留，未绘制：文本不是曲线。"],
  curvePoint: ["{place}%: strength {value}. Click to add a point, Alt to take it out.", "{place}%：强度 {value}。点击添加一点，按住 Alt 点击去掉。"],

  // What is kept in time
  showKept: ["Show what is kept", "显示保留部分"],
  countsWired: ["These counts come through a wire.", "这些帧数由连线传入。"],
  lengthGuessed: ["The clip is not loaded: its length is a guess.", "片段尚未加载：长度是估计的。"],
  counts: ["{length} frames: {kept} kept, {made} generated.", "{length} 帧：保留 {kept}，生成 {made}。"],
  padded: ["{counts} The model makes {padded}.", "{counts}模型实际生成 {padded} 帧。"],
  missed: ["{counts} The mask channels miss {places}{more}.", "{counts}遮罩通道看不到 {places}{more}。"],
  seeOthers: [" and others", " 等"],
  seeSnap: [": see snap", "：见 snap"],
  keepCount: ["keep {count}", "保留 {count}"],
  makeCount: ["generate {count}", "生成 {count}"],
  generated: ["generated", "生成"],
  seenByMask: ["seen by the mask", "遮罩可见"],
  notAClip: ["Drop pictures or videos here.", "请把图片或视频拖放到这里。"],
  notAPicture: ["Only pictures can be dropped here.", "这里只能拖放图片。"],
  tooMany: ["No more than {most} can be dropped here. Left out: {left}.", "这里最多拖放 {most} 个文件。未使用：{left}。"],
  atTyped: ["Placed where positions says: {places}.", "已放到 positions 所写的位置：{places}。"],
  notWired: ["{name} does not fit {input}, so nothing was added.", "{name} 与 {input} 不匹配，未添加任何节点。"],
  notUploaded: ["The file could not be uploaded: {why}", "文件无法上传：{why}"],
  noRoom: ["there is no room for another picture", "没有位置再放一张图片"],
  forwards: ["Forwards", "向后"],
  forwardsTip: ["Generate after the clip", "在片段之后生成"],
  backwards: ["Backwards", "向前"],
  backwardsTip: ["Generate before the clip", "在片段之前生成"],
  both: ["Both", "两边"],
  bothTip: ["Generate on both sides; all of the clip is seen", "在两边生成；模型看到整个片段"],
  timesTip: ["{times} times the frames", "帧数变为 {times} 倍"],
  evenTip: ["Spread the pictures evenly (positions empty)", "均匀分布图片（位置留空）"],
  snap: ["Snap", "对齐"],
  snapTip: [
    "Hold each picture until the mask channels see it (snap: hold), or not",
    "让每张图片停留到遮罩通道看见为止（snap: hold），或不这样",
  ],
  connectPicture: ["Connect a picture: it appears here.", "连接图片后会显示在这里。"],
  noPlace: ['"{word}" is no place in a clip of {length} frames.', "“{word}”不是 {length} 帧片段中的位置。"],
  overlap: ["Two pictures overlap: drag them apart.", "两张图片重叠：请拖开。"],
  miscounted: ["{places} places for {count} pictures.", "{count} 张图片有 {places} 个位置。"],
  allIsSeen: [
    "With frames before and after, all of the clip is seen: set overlap to 0.",
    "前后都生成时，模型看到整个片段：请把 overlap 设为 0。",
  ],
  pullAnEnd: ["Nothing is generated: pull an end outwards.", "没有可生成的部分：请向外拉一端。"],
  pullTheGap: ["Nothing is generated: pull the gap open.", "没有可生成的部分：请拉开间隔。"],
  oneFrame: ["The clip has one frame: nothing lies between.", "片段只有一帧：中间没有内容。"],
};

/** Where the texts of the page's language are; those in English where there are none in it. */
function language() {
  const chosen = String(app.extensionManager?.setting?.get("Comfy.Locale") ?? "en");
  return Math.max(LANGUAGES.indexOf(chosen.split("-")[0]), 0);
}

/** A text by its name. */
export function say(name, given = {}) {
  const texts = TEXTS[name];
  if (!texts) throw new Error(`no text ${name}`);
  return texts[language()].replace(/\{(\w+)\}/g, (whole, word) => (word in given ? given[word] : whole));
}
