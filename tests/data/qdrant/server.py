"""Qdrant's engine behind Qdrant's own gRPC services: the official server stubs of qdrant-client in front of the official engine of
qdrant-edge-py, one shard per collection. For tests where the server itself cannot be had. Knows the calls that claude-memory makes;
every other one is answered with UNIMPLEMENTED. Usage: server.py FOLDER PORT"""

import json
import pathlib
import shutil
import sys
import threading
import uuid
from concurrent import futures

import grpc
import qdrant_edge as edge
from qdrant_client import grpc as wire
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc
from qdrant_client.http import models as rest

INDEXES = {
    wire.FieldType.FieldTypeKeyword: edge.PayloadSchemaType.Keyword,
    wire.FieldType.FieldTypeInteger: edge.PayloadSchemaType.Integer,
}


def point_id(value):
    return value.num if value.HasField("num") else uuid.UUID(value.uuid)


def wire_id(value):
    return wire.PointId(num=value) if isinstance(value, int) else wire.PointId(uuid=str(value))


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
    raise NotImplementedError(f"condition {one!r}")


def to_filter(one):
    def many(conditions):
        if conditions is None:
            return None
        return [condition(each) for each in (conditions if isinstance(conditions, list) else [conditions])]

    return edge.Filter(must=many(one.must), should=many(one.should), must_not=many(one.must_not))


def read_filter(request):
    return to_filter(GrpcToRest.convert_filter(request.filter)) if request.HasField("filter") else None


def with_payload(selector):
    if selector.HasField("include"):
        return list(selector.include.fields)
    return selector.enable


def wire_payload(payload):
    return RestToGrpc.convert_payload(payload or {})


def wire_vectors(vector):
    return wire.VectorsOutput(vector=wire.VectorOutput(dense=wire.DenseVector(data=vector)))


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


class Engine:
    def __init__(self, folder):
        self.folder = folder
        self.collections = {
            path.name: Collection(path, json.loads((path / "size").read_text()), False)
            for path in sorted(folder.iterdir())
            if (path / "size").exists()
        }

    def get(self, name, context):
        found = self.collections.get(name)
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")
        return found


def guarded(call):
    """Errors of the engine with the code that the server gives them."""

    def answer(self, request, context):
        try:
            return call(self, request, context)
        except NotImplementedError as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except Exception as error:
            if context.code() is not None:
                raise
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return answer


class Health(qdrant_pb2_grpc.QdrantServicer):
    def HealthCheck(self, request, context):
        return wire.HealthCheckReply(title="qdrant engine behind its own stubs", version="1.20.0")


class Collections(collections_service_pb2_grpc.CollectionsServicer):
    def __init__(self, engine):
        self.engine = engine

    @guarded
    def Create(self, request, context):
        if request.collection_name in self.engine.collections:
            text = f"Wrong input: Collection `{request.collection_name}` already exists!"
            context.abort(grpc.StatusCode.ALREADY_EXISTS, text)
        folder = self.engine.folder / request.collection_name
        size = request.vectors_config.params.size
        self.engine.collections[request.collection_name] = Collection(folder, size, True)
        return wire.CollectionOperationResponse(result=True)

    @guarded
    def Get(self, request, context):
        found = self.engine.get(request.collection_name, context)
        params = wire.VectorParams(size=found.size, distance=wire.Distance.Cosine)
        config = wire.CollectionConfig(params=wire.CollectionParams(vectors_config=wire.VectorsConfig(params=params)))
        count = found.shard.info().points_count
        info = wire.CollectionInfo(status=wire.CollectionStatus.Green, config=config, points_count=count)
        return wire.GetCollectionInfoResponse(result=info)

    @guarded
    def CollectionExists(self, request, context):
        exists = request.collection_name in self.engine.collections
        return wire.CollectionExistsResponse(result=wire.CollectionExists(exists=exists))

    @guarded
    def List(self, request, context):
        names = [wire.CollectionDescription(name=name) for name in self.engine.collections]
        return wire.ListCollectionsResponse(collections=names)

    @guarded
    def Delete(self, request, context):
        found = self.engine.collections.pop(request.collection_name, None)
        if found is not None:
            found.shard.close()
            shutil.rmtree(found.folder)
        return wire.CollectionOperationResponse(result=found is not None)


class Points(points_service_pb2_grpc.PointsServicer):
    def __init__(self, engine):
        self.engine = engine

    def done(self):
        result = wire.UpdateResult(operation_id=1, status=wire.UpdateStatus.Completed)
        return wire.PointsOperationResponse(result=result)

    def update(self, request, context, operation):
        found = self.engine.get(request.collection_name, context)
        with found.lock:
            found.shard.update(operation)
            # An answer means that it is kept.
            found.shard.flush()
        return self.done()

    @guarded
    def Upsert(self, request, context):
        points = []
        for one in request.points:
            vector = one.vectors.vector
            data = list(vector.dense.data if vector.HasField("dense") else vector.data)
            payload = GrpcToRest.convert_payload(one.payload)
            points.append(edge.Point(id=point_id(one.id), vector=data, payload=payload))
        return self.update(request, context, edge.UpdateOperation.upsert_points(points))

    @guarded
    def Delete(self, request, context):
        if request.points.HasField("filter"):
            chosen = to_filter(GrpcToRest.convert_filter(request.points.filter))
            return self.update(request, context, edge.UpdateOperation.delete_points_by_filter(chosen))
        ids = [point_id(one) for one in request.points.points.ids]
        return self.update(request, context, edge.UpdateOperation.delete_points(ids))

    @guarded
    def CreateFieldIndex(self, request, context):
        kind = INDEXES[request.field_type]
        return self.update(request, context, edge.UpdateOperation.create_field_index(request.field_name, kind))

    @guarded
    def Get(self, request, context):
        found = self.engine.get(request.collection_name, context)
        ids = [point_id(one) for one in request.ids]
        vectors = request.with_vectors.enable
        records = found.shard.retrieve(ids, with_payload(request.with_payload), vectors)
        return wire.GetResponse(result=[self.record(one, vectors) for one in records])

    def record(self, one, vectors):
        found = wire.RetrievedPoint(id=wire_id(one.id), payload=wire_payload(one.payload))
        if vectors:
            found.vectors.CopyFrom(wire_vectors(one.vector))
        return found

    @guarded
    def Scroll(self, request, context):
        found = self.engine.get(request.collection_name, context)
        offset = point_id(request.offset) if request.HasField("offset") else None
        vectors = request.with_vectors.enable
        asked = edge.ScrollRequest(
            offset=offset,
            limit=request.limit or 10,
            filter=read_filter(request),
            with_payload=with_payload(request.with_payload),
            with_vector=vectors,
        )
        records, following = found.shard.scroll(asked)
        answer = wire.ScrollResponse(result=[self.record(one, vectors) for one in records])
        if following is not None:
            answer.next_page_offset.CopyFrom(wire_id(following))
        return answer

    @guarded
    def Count(self, request, context):
        found = self.engine.get(request.collection_name, context)
        count = found.shard.count(edge.CountRequest(exact=True, filter=read_filter(request)))
        return wire.CountResponse(result=wire.CountResult(count=count))

    @guarded
    def Query(self, request, context):
        found = self.engine.get(request.collection_name, context)
        nearest = request.query.nearest
        data = list(nearest.dense.data)
        asked = edge.SearchRequest(
            query=edge.Query.Nearest(data),
            limit=request.limit,
            filter=read_filter(request),
            with_payload=with_payload(request.with_payload),
        )
        scored = [
            wire.ScoredPoint(id=wire_id(one.id), score=one.score, payload=wire_payload(one.payload))
            for one in found.shard.search(asked)
        ]
        return wire.QueryResponse(result=scored)


def main():
    folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    engine = Engine(folder)
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=options)
    qdrant_pb2_grpc.add_QdrantServicer_to_server(Health(), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(Collections(engine), server)
    points_service_pb2_grpc.add_PointsServicer_to_server(Points(engine), server)
    if server.add_insecure_port(f"127.0.0.1:{port}") == 0:
        sys.exit(f"port {port} cannot be had")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


main()
