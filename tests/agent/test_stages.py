from zephyr_deploy.agent.stages import Stages
from zephyr_deploy.release.request import milestones

TGI = milestones()["tgi"]
START = [
    ("Args {", "settings"),
    ("Starting check and download process for m", "settings"),
    ("Download: [1/8] -- ETA: 0:00:12", "download"),
    ("Successfully downloaded weights for m", "download"),
    ("Waiting for shard to be ready... rank=0", "load"),
    ("Shard ready in 9.3s rank=0", "load"),
    ("Starting Webserver", "webserver"),
    ("Warming up model", "webserver"),
    ("Capturing graphs", "warm-up"),
    ("Setting max batch total tokens to 453000", "warm-up"),
    ("Serving revision abc", "connect"),
    ("Connected", "connect"),
    ("POST /generate 200", "serve"),
    ("Connected", "serve"),
]


def test_every_line_of_a_start_belongs_to_its_stage():
    stages = Stages(TGI)
    assert [(line, stages.take(line)) for line, _ in START] == START
    assert stages.names == ["settings", "download", "load", "webserver", "warm-up", "connect", "serve"]


def test_a_stage_that_was_passed_in_silence_is_over():
    stages = Stages(TGI)
    assert stages.take("Warming up model") == "webserver"
    assert stages.current == "warm-up"


def test_a_restart_begins_again():
    stages = Stages(TGI)
    stages.take("Connected")
    stages.begin()
    assert stages.current == "settings"


def test_an_engine_without_milestones_has_no_stages():
    stages = Stages([])
    assert (stages.names, stages.current, stages.take("x")) == ([], "", "")
