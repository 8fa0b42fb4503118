import MillraceCore
import Testing

@testable import MillraceLog

@Suite struct StorePositionTests {
    @Test func positionsAreDurableListedAndReset() throws {
        let bench = Bench()
        try bench.open()
        let partition = try bench.topic()
        try bench.append(partition, batch(["a", "b", "c"], at: bench.clock.wall.flooredMilliseconds))
        try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 1, metadata: "here")
        try bench.store.positions.commit(group: "h", topic: "t", partition: 0, offset: 3)
        var random = SeededRandom(seed: 1)
        bench.disk.crash(using: &random)
        try bench.open()
        #expect(bench.store.positions.groups == ["g", "h"])
        let position = try #require(try bench.store.positions.position(group: "g", topic: "t", partition: 0))
        #expect(position.offset == 1)
        #expect(position.metadata == "here")
        bench.clock.advance(by: .seconds(5))
        #expect(try bench.store.lag(group: "g", topic: "t", partition: 0) == ConsumerLag(records: 2, time: .seconds(5)))
        #expect(try bench.store.lag(group: "h", topic: "t", partition: 0) == ConsumerLag(records: 0, time: .zero))
        #expect(try bench.store.lag(group: "nobody", topic: "t", partition: 0) == nil)
        try bench.store.positions.reset(group: "g", to: [:])
        #expect(try bench.store.positions.list(group: "g").isEmpty)
        try bench.store.positions.delete(group: "g")
        #expect(bench.store.positions.groups == ["h"])
        #expect(throws: Failure.self) {
            try bench.store.positions.commit(group: "../x", topic: "t", partition: 0, offset: 1)
        }
    }

    @Test func aDamagedGroupFailsAloneAndCanBeReset() throws {
        let bench = Bench()
        try bench.open()
        try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 1)
        try bench.store.positions.commit(group: "h", topic: "t", partition: 0, offset: 2)
        try bench.kill()
        #expect(bench.disk.damage("log/positions/g.positions", at: 20, flipping: 4))
        try bench.open()
        #expect(try bench.store.positions.position(group: "h", topic: "t", partition: 0)?.offset == 2)
        #expect(throws: Failure.self) { try bench.store.positions.list(group: "g") }
        #expect(throws: Failure.self) {
            try bench.store.positions.commit(group: "g", topic: "t", partition: 0, offset: 1)
        }
        let start = ConsumerPosition(offset: 7)
        try bench.store.positions.reset(group: "g", to: [TopicPartition("t", 0): start])
        #expect(try bench.store.positions.position(group: "g", topic: "t", partition: 0)?.offset == 7)
        #expect(try bench.disk.list("log/quarantine") == ["g.positions"])
    }
}
