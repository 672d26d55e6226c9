"""Qdrant's engine behind Qdrant's REST interface: requests are read and answers are made by the official models of qdrant-client,
and the official engine of qdrant-edge-py keeps the points, one shard per collection. For tests where the server itself cannot be
had. Knows the calls that claude-memory makes; every other one is answered with 501. Speaks TLS where FOLDER has a server.crt and
a server.key. Usage: server.py FOLDER PORT"""

import json
import pathlib
import re
import shutil
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import qdrant_edge as edge
from pydantic import TypeAdapter, ValidationError
from qdrant_client.http import models as rest

INDEXES = {"keyword": edge.PayloadSchemaType.Keyword, "integer": edge.PayloadSchemaType.Integer}


class Failure(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


def point_id(value):
    return value if isinstance(value, int) else uuid.UUID(str(value))


def wire_id(value):
    return value if isinstance(value, int) else str(value)


def condition(one):
    if isinstance(one, rest.HasIdCondition):
        return edge.HasIdCondition({uuid.UUID(str(value)) for value in one.has_id})
    if isinstance(one, rest.Filter):
        return to_filter(one)
    if isinstance(one, rest.FieldCondition) and one.range is not None:
        bounds = edge.RangeFloat(gte=one.range.gte, gt=one.range.gt, lte=one.range.lte, lt=one.range.lt)
        return edge.FieldCondition(key=one.key, range=bounds)
    if isinstance(one, rest.FieldCondition) and isinstance(one.match, rest.MatchValue):
        return edge.FieldCondition(key=one.key, match=edge.MatchValue(one.match.value))
    if isinstance(one, rest.FieldCondition) and isinstance(one.match, rest.MatchAny):
        return edge.FieldCondition(key=one.key, match=edge.MatchAny(list(one.match.any)))
    raise Failure(501, f"condition {one!r}")


def to_filter(one):
    if one is None:
        return None

    def many(conditions):
        if conditions is None:
            return None
        return [condition(each) for each in (conditions if isinstance(conditions, list) else [conditions])]

    return edge.Filter(must=many(one.must), should=many(one.should), must_not=many(one.must_not))


def payload_choice(choice):
    return False if choice is None else choice


class Collection:
    def __init__(self, folder, size, create):
        self.folder, self.size, self.lock = folder, size, threading.Lock()
        quantization = edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, quantile=0.99, always_ram=True)
        config = edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(size=size, distance=edge.Distance.Cosine),
            quantization_config=quantization if size > 1 else None,
        )
        shard = folder / "shard"
        shard.mkdir(parents=True, exist_ok=True)
        self.shard = edge.EdgeShard.create(str(shard), config) if create else edge.EdgeShard.load(str(shard))
        if create:
            (folder / "size").write_text(json.dumps(size))

    def update(self, operation):
        with self.lock:
            self.shard.update(operation)
            # An answer means that it is kept.
            self.shard.flush()
        return {"operation_id": 1, "status": "completed"}


class Engine:
    def __init__(self, folder):
        self.folder = folder
        self.collections = {
            path.name: Collection(path, json.loads((path / "size").read_text()), False)
            for path in sorted(folder.iterdir())
            if (path / "size").exists()
        }

    def get(self, name):
        found = self.collections.get(name)
        if found is None:
            raise Failure(404, f"Not found: Collection `{name}` doesn't exist!")
        return found

    def names(self, body):
        return {"collections": [{"name": name} for name in self.collections]}

    def exists(self, body, name):
        return {"exists": name in self.collections}

    def create(self, body, name):
        asked = rest.CreateCollection.model_validate_json(body)
        if name in self.collections:
            raise Failure(409, f"Wrong input: Collection `{name}` already exists!")
        self.collections[name] = Collection(self.folder / name, asked.vectors.size, True)
        return True

    def info(self, body, name):
        found = self.get(name)
        params = {"vectors": {"size": found.size, "distance": "Cosine"}}
        return {"status": "green", "config": {"params": params}, "points_count": found.shard.info().points_count}

    def remove(self, body, name):
        found = self.collections.pop(name, None)
        if found is not None:
            found.shard.close()
            shutil.rmtree(found.folder)
        return found is not None

    def index(self, body, name):
        asked = rest.CreateFieldIndex.model_validate_json(body)
        kind = INDEXES[asked.field_schema.value]
        return self.get(name).update(edge.UpdateOperation.create_field_index(asked.field_name, kind))

    def upsert(self, body, name):
        asked = rest.PointsList.model_validate_json(body)
        points = [edge.Point(id=point_id(one.id), vector=one.vector, payload=one.payload) for one in asked.points]
        return self.get(name).update(edge.UpdateOperation.upsert_points(points))

    def delete(self, body, name):
        asked = TypeAdapter(rest.PointsSelector).validate_json(body)
        if isinstance(asked, rest.FilterSelector):
            operation = edge.UpdateOperation.delete_points_by_filter(to_filter(asked.filter))
        else:
            operation = edge.UpdateOperation.delete_points([point_id(one) for one in asked.points])
        return self.get(name).update(operation)

    def retrieve(self, body, name):
        asked = rest.PointRequest.model_validate_json(body)
        ids = [point_id(one) for one in asked.ids]
        records = self.get(name).shard.retrieve(ids, payload_choice(asked.with_payload), bool(asked.with_vector))
        return [self.record(one, asked.with_vector) for one in records]

    def record(self, one, vectors):
        found = {"id": wire_id(one.id), "payload": one.payload or {}}
        if vectors:
            found["vector"] = list(one.vector)
        return found

    def scroll(self, body, name):
        asked = rest.ScrollRequest.model_validate_json(body)
        request = edge.ScrollRequest(
            offset=None if asked.offset is None else point_id(asked.offset),
            limit=asked.limit or 10,
            filter=to_filter(asked.filter),
            with_payload=payload_choice(asked.with_payload),
            with_vector=bool(asked.with_vector),
        )
        records, following = self.get(name).shard.scroll(request)
        points = [self.record(one, asked.with_vector) for one in records]
        return {"points": points, "next_page_offset": None if following is None else wire_id(following)}

    def count(self, body, name):
        asked = rest.CountRequest.model_validate_json(body)
        return {"count": self.get(name).shard.count(edge.CountRequest(exact=True, filter=to_filter(asked.filter)))}

    def query(self, body, name):
        asked = rest.QueryRequest.model_validate_json(body)
        request = edge.SearchRequest(
            query=edge.Query.Nearest(list(asked.query)),
            limit=asked.limit,
            filter=to_filter(asked.filter),
            with_payload=payload_choice(asked.with_payload),
        )
        scored = self.get(name).shard.search(request)
        points = [
            {"id": wire_id(one.id), "version": 0, "score": one.score, "payload": one.payload or {}} for one in scored
        ]
        return {"points": points}


CALLS = [
    ("GET", r"/collections", Engine.names),
    ("GET", r"/collections/([^/]+)/exists", Engine.exists),
    ("GET", r"/collections/([^/]+)", Engine.info),
    ("PUT", r"/collections/([^/]+)", Engine.create),
    ("DELETE", r"/collections/([^/]+)", Engine.remove),
    ("PUT", r"/collections/([^/]+)/index", Engine.index),
    ("PUT", r"/collections/([^/]+)/points", Engine.upsert),
    ("POST", r"/collections/([^/]+)/points", Engine.retrieve),
    ("POST", r"/collections/([^/]+)/points/delete", Engine.delete),
    ("POST", r"/collections/([^/]+)/points/scroll", Engine.scroll),
    ("POST", r"/collections/([^/]+)/points/count", Engine.count),
    ("POST", r"/collections/([^/]+)/points/query", Engine.query),
]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers go out at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, started = urlsplit(self.path).path, time.monotonic()
        try:
            status, result = 200, self.call(path, body)
        except Failure as failure:
            status, result = failure.status, failure.text
        except ValidationError as error:
            status, result = 400, f"Format error in JSON body: {error}"
        except Exception as error:
            status, result = 400, f"Wrong input: {error}"
        took = time.monotonic() - started
        answer = {"result": result, "status": "ok"} if status == 200 else {"status": {"error": result}}
        text = json.dumps({**answer, "time": took}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def call(self, path, body):
        for method, pattern, call in CALLS:
            matched = re.fullmatch(pattern, path)
            if method == self.command and matched:
                return call(self.server.engine, body, *matched.groups())
        raise Failure(501, f"{self.command} {path} is not known to this server")

    do_GET = do_PUT = do_POST = do_DELETE = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that was killed is no fault of the server.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    server = Server(("127.0.0.1", port), Handler)
    server.engine = Engine(folder)
    if (folder / "server.crt").exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


main()
