"""The schema says what the API does: valid OpenAPI 3.1, and what schemathesis makes up of it finds nothing else."""

import json
import re

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from apps.interactions.api.endpoint import Described
from apps.interactions.api.schema import TAGS, names
from apps.interactions.models import EventKind, Scope
from apps.interactions.models.webhook import TEST
from tests import factories
from tests.contract.running import run


@pytest.fixture
def schema(client, db):
    answer = client.get("/api/v1/schema/?format=json")
    assert answer.status_code == 200
    return answer.json()


class TestSchema:
    def test_it_is_openapi_3_1(self, schema):
        assert schema["openapi"] == "3.1.0"
        OpenAPIV31SpecValidator(schema).validate()

    def test_every_address_and_method_is_in_it(self, schema):
        described = {
            (path, method.upper())
            for path, item in schema["paths"].items()
            for method in item
            if method != "parameters"
        }
        ours = [one for one in names() if issubclass(one, Described)]
        assert len(schema["paths"]) == len(ours) >= 35
        assert len(described) == sum(len(one.scopes or {"GET": ""}) for one in ours)

    def test_every_operation_says_which_key_and_describes_every_error(self, schema):
        for path, item in schema["paths"].items():
            for method, operation in item.items():
                assert operation["tags"][0] in TAGS.values()
                if path.endswith("context-packet.json"):
                    continue
                door = "token" if "/reach/" in path else "key"
                assert operation["security"] == [{door: []}], (path, method)
                assert {"401", "403", "429", "500"} <= set(operation["responses"])
                assert all(answer["description"] for status, answer in operation["responses"].items() if status >= "4")

    def test_every_event_has_its_shape(self, schema):
        assert set(schema["webhooks"]) == {*EventKind.values, TEST}
        event = schema["webhooks"]["action.requested"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        fields = schema["components"]["schemas"][event["$ref"].rpartition("/")[2]]["properties"]
        assert set(fields) == {"type", "timestamp", "sequence", "sandbox", "data"}
        assert "deadline" in schema["components"]["schemas"]["ActionData"]["properties"]
        named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(schema)))
        assert named <= set(schema["components"]["schemas"])

    def test_it_is_there_as_yaml_too(self, client, schema):
        assert yaml.safe_load(client.get("/api/v1/schema/").content) == schema

    def test_ids_are_unique(self, schema):
        ids = [operation["operationId"] for item in schema["paths"].values() for operation in item.values()]
        assert len(ids) == len(set(ids))

    def test_the_page_beside_it_works_without_the_internet(self, client, db):
        shown = client.get("/api/v1/docs/").content.decode()
        assert "swagger-ui" in shown
        assert "http://" not in shown.replace("http://testserver", "")
        assert "https://" not in shown


@pytest.mark.django_db(transaction=True)
def test_no_input_that_the_schema_suggests_breaks_it(live_server, transactional_db):
    from apps.interactions.demo import demo_partner

    partner = demo_partner("lumi", "Lumi Skin")
    key = factories.ApiKeyFactory(partner=partner, scopes=Scope.values, calls_a_minute=1_000_000)
    found = run(live_server.url, key.issued, examples=3)
    assert found.failures == []
    assert found.requests > 1000
    assert found.operations >= 40
