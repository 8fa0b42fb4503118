"""Holds Millrace's record batches against kafka-python's encoder and decoder and against librdkafka.

    batches.py encode CASES OUT    each case encoded by kafka-python, and produced by librdkafka into its mock broker,
                                   from where the stored bytes are fetched by hand
    batches.py decode BATCHES OUT  each batch decoded by kafka-python, and read by librdkafka's consumer from its mock
                                   broker, which got the bytes by hand
    batches.py murmur2 KEYS OUT    kafka-python's hash, and the partition that librdkafka chooses

Files are JSON; bytes are base 64.
"""
import base64, json, socket, struct, sys, time

from confluent_kafka import Consumer, Producer, TopicPartition
from kafka.partitioner.default import murmur2
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def load(text):
    return None if text is None else base64.b64decode(text)


def dump(data):
    return None if data is None else base64.b64encode(bytes(data)).decode()


def record(timestamp, key, value, headers):
    return {"milliseconds": timestamp, "key": dump(key), "value": dump(value),
            "headers": [{"key": k, "value": dump(v)} for k, v in headers or []]}


class MockBroker:
    """librdkafka's mock cluster, and requests to it written by hand."""

    def __init__(self, **settings):
        self.producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 0, **settings})
        broker = next(iter(self.producer.list_topics("probe", timeout=20).brokers.values()))
        self.address = f"{broker.host}:{broker.port}"
        self.socket = socket.create_connection((broker.host, broker.port), timeout=20)

    def create(self, topic):
        deadline = time.time() + 20
        while time.time() < deadline:
            if self.producer.list_topics(topic, timeout=20).topics[topic].partitions:
                return
        raise RuntimeError("the mock broker made no topic")

    def ask(self, api, version, body):
        request = struct.pack(">hhih", api, version, 1, -1) + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", self.read(4))
        return self.read(size)[4:]

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise RuntimeError("the mock broker hung up")
            data += part
        return data

    def fetch(self, topic, offset=0):
        name = struct.pack(">h", len(topic)) + topic.encode()
        body = struct.pack(">iiiib", -1, 500, 1, 64 << 20, 0)
        body += struct.pack(">i", 1) + name + struct.pack(">iiqi", 1, 0, offset, 64 << 20)
        answer = self.ask(1, 4, body)
        at = 4 + 4 + 2 + len(topic) + 4 + 4
        error, _, _, aborted = struct.unpack_from(">hqqi", answer, at)
        assert error == 0 and aborted <= 0, (error, aborted)
        size, = struct.unpack_from(">i", answer, at + 22)
        return answer[at + 26:at + 26 + size]

    def produce(self, topic, batch):
        name = struct.pack(">h", len(topic)) + topic.encode()
        body = struct.pack(">hhi", -1, -1, 10_000) + struct.pack(">i", 1) + name
        body += struct.pack(">iii", 1, 0, len(batch)) + batch
        answer = self.ask(0, 7, body)
        error, = struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)
        assert error == 0, error


def encode_with_kafka_python(case):
    producer = case["producer"]
    builder = DefaultRecordBatchBuilder(
        2, CODECS[case["compression"]], case["isTransactional"], producer["id"], producer["epoch"],
        producer["sequence"], 1 << 30)
    for offset, r in enumerate(case["records"]):
        done = builder.append(offset, r["milliseconds"], load(r["key"]), load(r["value"]),
                              [(h["key"], load(h["value"])) for h in r["headers"]])
        assert done is not None
    return dump(builder.build())


def produce_with_librdkafka(case):
    broker = MockBroker(**{"compression.type": case["compression"], "linger.ms": 300, "batch.num.messages": 100_000})
    broker.create("t")
    for r in case["records"]:
        broker.producer.produce(
            "t", partition=0, key=load(r["key"]), value=load(r["value"]), timestamp=r["milliseconds"],
            headers=[(h["key"], load(h["value"])) for h in r["headers"]] or None)
    assert broker.producer.flush(30) == 0
    batches, offset = [], 0
    while offset < len(case["records"]):
        data = broker.fetch("t", offset)
        assert data, f"nothing at offset {offset}"
        while data:
            size = 12 + struct.unpack_from(">i", data, 8)[0]
            batches.append(dump(data[:size]))
            offset = struct.unpack_from(">q", data, 0)[0] + struct.unpack_from(">i", data, 23)[0] + 1
            data = data[size:]
    return batches


def decode_with_kafka_python(data):
    batch = DefaultRecordBatch(bytearray(data))
    assert batch.validate_crc(), "kafka-python finds the checksum wrong"
    return {"baseOffset": batch.base_offset, "compression": batch.compression_type,
            "isTransactional": batch.is_transactional, "isControl": batch.is_control_batch,
            "producerID": batch.producer_id, "producerEpoch": batch.producer_epoch,
            "baseSequence": batch.base_sequence, "maxMilliseconds": batch.max_timestamp,
            "records": [record(r.timestamp, r.key, r.value, r.headers) for r in batch]}


def read_with_librdkafka(batches):
    broker = MockBroker()
    result = []
    for number, data in enumerate(batches):
        topic = f"t{number}"
        broker.create(topic)
        broker.produce(topic, data)
        count, = struct.unpack_from(">i", data, 57)
        consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "g", "check.crcs": True, "log_level": 0})
        consumer.assign([TopicPartition(topic, 0, 0)])
        records, deadline = [], time.time() + 20
        while len(records) < count and time.time() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            assert message.error() is None, message.error()
            records.append(record(message.timestamp()[1], message.key(), message.value(), message.headers()))
        consumer.close()
        result.append(records)
    return result


def main(command, source, target):
    with open(source) as file:
        given = json.load(file)
    if command == "encode":
        answer = [{"name": c["name"], "kafkaPython": encode_with_kafka_python(c),
                   "librdkafka": produce_with_librdkafka(c) if c["viaBroker"] else []} for c in given]
    elif command == "decode":
        data = [load(b["bytes"]) for b in given]
        plain = [i for i, b in enumerate(given) if b["viaBroker"]]
        read = dict(zip(plain, read_with_librdkafka([data[i] for i in plain])))
        answer = [{"name": b["name"], "kafkaPython": decode_with_kafka_python(data[i]), "librdkafka": read.get(i)}
                  for i, b in enumerate(given)]
    elif command == "murmur2":
        keys = [load(k) for k in given]
        broker = MockBroker(**{"test.mock.num.brokers": 1, "partitioner": "murmur2"})
        chosen = {}
        broker.create("t")
        count = len(broker.producer.list_topics("t", timeout=20).topics["t"].partitions)
        for number, key in enumerate(keys):
            broker.producer.produce("t", key=key, value=b"", on_delivery=lambda e, m, n=number: chosen.update(
                {n: m.partition()}))
        assert broker.producer.flush(30) == 0
        answer = {"hashes": [murmur2(k) & 0xFFFFFFFF for k in keys], "partitionCount": count,
                  "partitions": [chosen[n] for n in range(len(keys))]}
    else:
        raise SystemExit(__doc__)
    with open(target, "w") as file:
        json.dump(answer, file)


main(*sys.argv[1:])
