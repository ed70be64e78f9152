"""The event catalogue: what events.json says, what is generated from it, and how the helpers behave."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pydantic
import pytest

from ws_manager._event_data import UNSET
from ws_manager._events import EventMethods, EventType

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "csrc" / "events"
DOCUMENT = json.loads((EVENTS / "events.json").read_text(encoding="utf-8"))
CORE = [event for family in DOCUMENT["families"] if family.get("origin") == "core" for event in family["events"]]
SENDABLE = [event for family in DOCUMENT["families"] if "origin" not in family for event in family["events"]]
BY_TYPE = {event["type"]: event for event in [*SENDABLE, *CORE]}
STRUCTURES = {structure["name"]: structure for structure in DOCUMENT["structures"]}

# The events of the five systems that the catalogue is made from, with every field they have there.
SEED_EVENTS = {
    "pipeline_status_update": ["pipeline_id", "status", "detailed_status"],
    "pipeline_frame_update": ["pipeline_id", "frame_data"],
    "pipeline_analytics_update": ["pipeline_id", "analytics"],
    "pipeline_error_update": ["pipeline_id", "error_message", "severity"],
    "pipeline_update": ["pipeline_id", "status"],
    "log_entry": ["level", "message"],
    "profile_change": ["profile"],
    "notification": ["title", "message", "level", "id", "type", "read", "created_at", "action"],
    "execution_update": [
        "execution_id",
        "team_id",
        "status",
        "progress",
        "current_step",
        "result",
        "error",
        "updated_at",
    ],
    "system_event": ["payload"],
    "command": ["payload", "sender"],
    "processing_started": ["image_id", "algorithm", "estimated_time_seconds", "parameters"],
    "processing_progress": ["image_id", "progress", "current_step", "eta_seconds"],
    "processing_complete": ["image_id", "result_id", "summary", "processing_time_seconds", "confidence_score"],
    "processing_failed": ["image_id", "error", "error_code", "retry_available"],
    "validation_required": ["result_id", "confidence", "reason", "suggested_actions"],
    "system_status": [
        "gpu_utilization",
        "gpu_memory_used_mb",
        "gpu_memory_total_mb",
        "queue_length",
        "active_processing_count",
    ],
    "story_created": ["story_id", "title", "project_id"],
    "story_updated": ["story_id", "title"],
    "story_moved": ["story_id", "title", "to"],
    "story_deleted": ["story_id"],
    "task_created": ["task_id", "title", "story_id"],
    "task_updated": ["task_id", "title", "progress"],
    "task_completed": ["task_id", "title", "story_id"],
    "task_deleted": ["task_id"],
    "chat_message": ["preview", "project_id", "story_id"],
    "job_started": ["job_id", "status"],
    "job_progress": ["job_id", "progress", "status", "output"],
    "job_completed": ["job_id", "status"],
    "job_failed": ["job_id", "status", "error"],
    "error": ["message", "code"],
    "log_message": ["level", "message", "source"],
}
SEED_STRUCTURES = {
    "PipelineDetailedStatus": ["stats", "nodes", "error_message", "last_frame_time"],
    "PipelineFrameData": [
        "frame_id",
        "timestamp",
        "detections_count",
        "processing_time",
        "fps",
        "node_results",
    ],
    "PipelineAnalytics": [
        "node_id",
        "node_type",
        "people_count",
        "trend",
        "new_crossings",
        "total_crossings",
        "new_intrusions",
        "active_zones",
        "results",
    ],
    "NotificationAction": ["type", "payload"],
}
CORE_EVENTS = ["connected", "connection", "heartbeat", "ping", "pong", "subscribed", "unsubscribed", "stats"]
HELPERS = {
    "notify_pipeline_update": "pipeline_update",
    "notify_new_log": "log_entry",
    "notify_profile_change": "profile_change",
    "notify_log": "log_message",
    "notify_notification": "notification",
    "notify_story_created": "story_created",
    "notify_story_updated": "story_updated",
    "notify_story_moved": "story_moved",
    "notify_story_deleted": "story_deleted",
    "notify_task_created": "task_created",
    "notify_task_updated": "task_updated",
    "notify_task_completed": "task_completed",
    "notify_task_deleted": "task_deleted",
    "notify_chat_message": "chat_message",
    "notify_job_started": "job_started",
    "notify_job_progress": "job_progress",
    "notify_job_completed": "job_completed",
    "notify_job_failed": "job_failed",
    "notify_error": "error",
    "notify_pipeline_status": "pipeline_status_update",
    "notify_pipeline_frame": "pipeline_frame_update",
    "notify_pipeline_analytics": "pipeline_analytics_update",
    "notify_pipeline_error": "pipeline_error_update",
    "notify_execution_update": "execution_update",
    "notify_system_event": "system_event",
    "notify_command": "command",
    "notify_processing_started": "processing_started",
    "notify_processing_progress": "processing_progress",
    "notify_processing_complete": "processing_complete",
    "notify_processing_failed": "processing_failed",
    "notify_validation_required": "validation_required",
    "notify_system_status": "system_status",
}
SAMPLES: dict[str, Any] = {
    "string": "text",
    "number": 2.5,
    "integer": 3,
    "boolean": False,
    "datetime": "2026-01-15T10:30:00Z",
    "level": "warning",
    "object": {"a": 1},
    "any": [1, None],
    "string[]": ["a", "b"],
}


class Sent(EventMethods):
    """Remembers what the helpers hand on."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object, dict[str, Any]]] = []

    def _notify(self, type: str, data: object, options: Any) -> Any:
        self.calls.append((type, data, options))
        return len(self.calls)


@pytest.fixture
def sent() -> Sent:
    return Sent()


def helper_name(event: dict[str, Any]) -> str:
    return event.get("helper", f"notify_{event['type']}")


def sample(field: dict[str, Any]) -> Any:
    if "values" in field:
        return field["values"][0]
    return SAMPLES.get(field["type"], {"of": field["type"]})


def names(event: dict[str, Any]) -> list[str]:
    return [field["name"] for field in event["fields"]]


each_event = pytest.mark.parametrize("event", SENDABLE, ids=[event["type"] for event in SENDABLE])


# ---- the catalogue itself


def test_names_are_snake_case_and_unique() -> None:
    types = [event["type"] for event in [*SENDABLE, *CORE]]
    assert len(types) == len(set(types))
    for event in SENDABLE:
        assert len(names(event)) == len(set(names(event)))
        for name in [event["type"], *names(event)]:
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name), name


@each_event
def test_template_members_are_fields(event: dict[str, Any]) -> None:
    for template in (event.get("room", ""), event.get("key", "")):
        assert set(re.findall(r"\{(.*?)\}", template)) <= set(names(event))


@pytest.mark.parametrize("type_", SEED_EVENTS)
def test_every_seed_event_is_there_with_its_fields(type_: str) -> None:
    missing = [name for name in SEED_EVENTS[type_] if name not in names(BY_TYPE[type_])]
    assert not missing
    assert BY_TYPE[type_] in SENDABLE


@pytest.mark.parametrize("name", SEED_STRUCTURES)
def test_every_seed_structure_has_exactly_its_fields(name: str) -> None:
    assert names(STRUCTURES[name]) == SEED_STRUCTURES[name]


def test_housekeeping_events_are_named_and_not_sendable() -> None:
    for type_ in CORE_EVENTS:
        assert BY_TYPE[type_] in CORE
        assert EventType(type_).name == type_.upper()
        assert not hasattr(EventMethods, f"notify_{type_}")


def test_image_processing_events_are_flat() -> None:
    flat = {event["type"] for event in SENDABLE if event.get("flat")}
    assert flat == {
        "processing_started",
        "processing_progress",
        "processing_complete",
        "processing_failed",
        "validation_required",
        "system_status",
    }


def test_only_events_whose_newest_counts_are_conflated() -> None:
    rates = {event["type"]: event["max_rate"] for event in SENDABLE if event.get("conflate")}
    assert rates == {"pipeline_frame_update": 30, "processing_progress": 10, "job_progress": 10, "system_status": 2}


def test_event_type_has_every_event_and_is_text() -> None:
    assert [member.value for member in EventType] == [
        event["type"] for family in DOCUMENT["families"] for event in family["events"]
    ]
    assert EventType.NOTIFICATION == "notification"
    assert json.dumps({"type": EventType.STORY_CREATED}) == '{"type": "story_created"}'


# ---- the generator


def generate(*arguments: str, script: Path = EVENTS / "generate.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_generated_files_are_fresh() -> None:
    run = generate("--check")
    assert (run.returncode, run.stderr) == (0, "")


def test_check_names_stale_and_missing_files_and_writes_nothing(tmp_path: Path) -> None:
    assert generate("--root", str(tmp_path)).returncode == 0
    assert generate("--root", str(tmp_path), "--check").returncode == 0
    stale = tmp_path / "docs" / "events.md"
    stale.write_text("old", encoding="utf-8")
    (tmp_path / "csrc" / "events" / "catalogue.c").unlink()
    run = generate("--root", str(tmp_path), "--check")
    assert run.returncode == 1
    assert "stale: docs/events.md" in run.stderr
    assert "stale: csrc/events/catalogue.c" in run.stderr
    assert "_events.py" not in run.stderr
    assert stale.read_text(encoding="utf-8") == "old"


def test_no_client_may_publish_what_the_core_says() -> None:
    own = re.findall(r'^\t"(\w+)",$', (ROOT / "csrc" / "wire" / "own.c").read_text(encoding="utf-8"), re.MULTILINE)
    # Applications send errors, too; from a client they would be taken for the answer to a command.
    told = {*(event["type"] for event in CORE), "error"}
    assert set(own) ^ told == set(), "csrc/wire/own.c and events.json (origin core) must name the same types"


def event_with(**changes: Any) -> dict[str, Any]:
    field = {"name": "thing_id", "type": "string", "required": True, "doc": "id"}
    return {"type": "thing_made", "doc": "A thing.", "fields": [field], **changes}


def extra(name: str, type_: str = "string", **more: Any) -> list[dict[str, Any]]:
    return [*event_with()["fields"], {"name": name, "type": type_, "doc": "more", **more}]


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (event_with(type="ThingMade"), "not snake_case"),
        (event_with(type="story_created"), "is there twice"),
        (event_with(helper="notify_log"), "is there twice"),
        (event_with(room="thing:{id}"), "names 'id', which is no field"),
        (event_with(key="thing:{id}"), "names 'id', which is no field"),
        (event_with(conflate=True), "conflate needs a key"),
        (event_with(max_rate=5, key="thing:{thing_id}"), "needs conflate"),
        (event_with(priority="urgent"), "priority 'urgent' is none of"),
        (event_with(level="loud"), "level 'loud' is none of"),
        (event_with(flat="yes"), "flat is 'yes', not true or false"),
        (event_with(flat=True, fields=extra("epoch")), "is a member of the envelope"),
        (event_with(flat=True, fields=extra("from")), "is a member of the envelope"),
        (event_with(colour="red"), "unknown colour"),
        (event_with(fields=[]), "the first field must be one of"),
        (event_with(fields=extra("room")), "is the name of an option"),
        (event_with(fields=extra("thing_id")), "is there twice"),
        (event_with(fields=extra("size", "float")), "unknown type 'float'"),
        (event_with(fields=extra("size", "number", default="1")), "a default is for optional strings"),
        (event_with(fields=[*extra("size"), *extra("x", required=True)[1:]]), "come before optional ones"),
        (event_with(same_as="nothing"), "lacks fields"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_a_reason(tmp_path: Path, event: dict[str, Any], complaint: str) -> None:
    for name in ("generate.py", "generator"):
        source = EVENTS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    document = {**DOCUMENT, "families": [*DOCUMENT["families"], {"title": "More", "events": [event]}]}
    (tmp_path / "events.json").write_text(json.dumps(document), encoding="utf-8")
    run = generate("--root", str(tmp_path / "out"), script=tmp_path / "generate.py")
    assert run.returncode == 2
    assert complaint in run.stderr
    assert not (tmp_path / "out").exists()


# ---- the helpers


def test_every_helper_has_its_name() -> None:
    assert {helper_name(event): event["type"] for event in SENDABLE} == HELPERS


@each_event
def test_fields_by_name_become_the_data(sent: Sent, event: dict[str, Any]) -> None:
    data = {field["name"]: sample(field) for field in event["fields"]}
    getattr(sent, helper_name(event))(**data)
    assert sent.calls == [(event["type"], data, {})]


@each_event
def test_fields_in_order_become_the_data(sent: Sent, event: dict[str, Any]) -> None:
    data = {field["name"]: sample(field) for field in event["fields"]}
    getattr(sent, helper_name(event))(*data.values())
    assert sent.calls == [(event["type"], data, {})]


@each_event
def test_optional_fields_that_are_not_given_are_left_out(sent: Sent, event: dict[str, Any]) -> None:
    required = {field["name"]: sample(field) for field in event["fields"] if field.get("required")}
    defaults = {field["name"]: field["default"] for field in event["fields"] if "default" in field}
    getattr(sent, helper_name(event))(**required)
    assert sent.calls == [(event["type"], required | defaults, {})]


@each_event
def test_none_is_sent_as_null(sent: Sent, event: dict[str, Any]) -> None:
    data = {field["name"]: None if field.get("nullable") else sample(field) for field in event["fields"]}
    getattr(sent, helper_name(event))(**data)
    assert sent.calls == [(event["type"], data, {})]


@each_event
def test_whole_data_is_handed_on_as_it_is(sent: Sent, event: dict[str, Any]) -> None:
    data = {"anything": "goes"}
    getattr(sent, helper_name(event))(data)
    assert sent.calls[0][1] is data
    assert sent.calls == [(event["type"], data, {})]


@each_event
def test_missing_required_fields_are_a_type_error(sent: Sent, event: dict[str, Any]) -> None:
    required = [field["name"] for field in event["fields"] if field.get("required")]
    for name in required:
        others = {field["name"]: sample(field) for field in event["fields"] if field["name"] != name}
        expected = f"{helper_name(event)}() missing 1 required positional argument: '{name}'"
        with pytest.raises(TypeError, match=re.escape(expected)):
            getattr(sent, helper_name(event))(**others)
    assert sent.calls == []


@each_event
def test_unknown_keywords_are_a_type_error(sent: Sent, event: dict[str, Any]) -> None:
    data = {field["name"]: sample(field) for field in event["fields"]}
    expected = re.escape(f"{helper_name(event)}() got an unexpected keyword argument 'colour'")
    with pytest.raises(TypeError, match=expected):
        getattr(sent, helper_name(event))(**data, colour="red")
    with pytest.raises(TypeError, match=expected):
        getattr(sent, helper_name(event))(data, colour="red")
    assert sent.calls == []


@each_event
def test_fields_beside_the_whole_data_are_a_type_error(sent: Sent, event: dict[str, Any]) -> None:
    for field in event["fields"][1:]:
        with pytest.raises(TypeError, match=f"not both: '{field['name']}' stands beside the data"):
            getattr(sent, helper_name(event))({"a": 1}, **{field["name"]: sample(field)})
    assert sent.calls == []


@each_event
def test_options_are_handed_on_beside_the_data(sent: Sent, event: dict[str, Any]) -> None:
    options: dict[str, Any] = {
        "room": "pipeline:7",
        "priority": "low",
        "conflate": "k",
        "max_rate": 5,
        "history": False,
        "exclude": ["user-1"],
    }
    if "level" not in names(event):
        options["level"] = "warning"
    data = {field["name"]: sample(field) for field in event["fields"]}
    getattr(sent, helper_name(event))(**data, **options)
    getattr(sent, helper_name(event))(data, **options)
    assert sent.calls == [(event["type"], data, options)] * 2


@each_event
def test_docstring_names_every_field_and_the_room(event: dict[str, Any]) -> None:
    doc = inspect.getdoc(getattr(EventMethods, helper_name(event)))
    assert doc is not None
    assert doc.startswith(event["doc"])
    for name in names(event):
        assert re.search(rf"^{name} \(", doc, re.MULTILINE)
    for room in event.get("room", "@all").split("|"):
        assert f"`{room}`" in doc


def test_all_missing_fields_are_named_at_once(sent: Sent) -> None:
    with pytest.raises(TypeError, match=r"missing 2 required positional arguments: 'story_id' and 'title'$"):
        sent.notify_story_created()  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"missing 3 required positional arguments: 'team_id', 'status', and 'prog"):
        sent.notify_execution_update("EX-1")  # type: ignore[call-overload]


def test_a_single_required_field_is_not_taken_for_the_whole_data(sent: Sent) -> None:
    class Id(str):
        __slots__ = ()

    for story_id in ("STR-1", Id("STR-1")):
        sent.notify_story_deleted(story_id)
    sent.notify_story_deleted({"story_id": "STR-1"})
    assert sent.calls == [("story_deleted", {"story_id": "STR-1"}, {})] * 3


def test_numbers_first_are_fields(sent: Sent) -> None:
    for value in (78.5, 78, None):
        sent.notify_system_status(value)
    sent.notify_system_status({"gpu_utilization": 1})
    assert [data for _, data, _ in sent.calls] == [{"gpu_utilization": v} for v in (78.5, 78, None, 1)]


def test_models_dataclasses_and_mappings_are_whole_data(sent: Sent) -> None:
    class Update(pydantic.BaseModel):
        pipeline_id: str
        status: str

    @dataclasses.dataclass
    class Row:
        pipeline_id: str
        status: str

    wholes = [
        Update(pipeline_id="7", status="running"),
        Row("7", "running"),
        OrderedDict(pipeline_id="7"),
        MappingProxyType({"pipeline_id": "7"}),
    ]
    for whole in wholes:
        sent.notify_pipeline_update(whole)
    assert all(call[1] is whole for call, whole in zip(sent.calls, wholes, strict=True))


@dataclasses.dataclass
class Point:
    x: int = 0


@pytest.mark.parametrize("value", ["text", b"{}", 7, None, [1], {"a", "b"}, dict, Point, pydantic.BaseModel, UNSET])
def test_what_cannot_be_whole_data_is_taken_for_the_first_field(sent: Sent, value: Any) -> None:
    with pytest.raises(TypeError, match="missing"):
        sent.notify_pipeline_update(value)


def test_the_status_word_of_a_job_has_a_default(sent: Sent) -> None:
    sent.notify_job_started("J1")
    sent.notify_job_failed(job_id="J1", error="out of disk")
    sent.notify_job_completed("J1", "partial")
    assert [data for _, data, _ in sent.calls] == [
        {"job_id": "J1", "status": "running"},
        {"job_id": "J1", "status": "failed", "error": "out of disk"},
        {"job_id": "J1", "status": "partial"},
    ]


def test_calls_of_the_seeds_work_as_written(sent: Sent) -> None:
    sent.notify_story_created(story_id="STR-0001", title="Implementar login", project_id="PROJ-001")
    sent.notify_task_completed(task_id="STSK-0001", title="Criar endpoint", story_id="STR-0001")
    sent.notify_log("info", "Build iniciado", source="CI/CD")
    assert sent.calls == [
        ("story_created", {"story_id": "STR-0001", "title": "Implementar login", "project_id": "PROJ-001"}, {}),
        ("task_completed", {"task_id": "STSK-0001", "title": "Criar endpoint", "story_id": "STR-0001"}, {}),
        ("log_message", {"level": "info", "message": "Build iniciado", "source": "CI/CD"}, {}),
    ]


def test_helpers_return_what_the_manager_returns(sent: Sent) -> None:
    assert sent.notify_log("info", "one") == 1
    assert sent.notify_new_log({"level": "info", "message": "two"}) == 2
