"""The states of a job, and the tables of the manifest."""

WAITING, RUNNING, DONE, FAILED, CANCELLING, CANCELLED = STATES = (
    "waiting",
    "running",
    "done",
    "failed",
    "cancelling",
    "cancelled",
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY, row INTEGER, state TEXT, fingerprint TEXT, cells TEXT, prepare_key TEXT, sample TEXT,
    inputs TEXT, models TEXT, seed TEXT, run TEXT, outputs TEXT, worker TEXT, machine TEXT,
    attempts INTEGER DEFAULT 0, not_before REAL DEFAULT 0, error TEXT, began REAL, ended REAL);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, row);
CREATE INDEX IF NOT EXISTS jobs_by_models ON jobs (state, models, row);
CREATE INDEX IF NOT EXISTS jobs_by_key ON jobs (prepare_key, state);
CREATE TABLE IF NOT EXISTS preparations (
    key TEXT PRIMARY KEY, row INTEGER, state TEXT, prompt TEXT, savers TEXT, inputs TEXT, vcus TEXT, shown TEXT,
    worker TEXT, attempts INTEGER DEFAULT 0, not_before REAL DEFAULT 0, error TEXT, began REAL, ended REAL);
CREATE INDEX IF NOT EXISTS preparations_by_state ON preparations (state, row);
"""
