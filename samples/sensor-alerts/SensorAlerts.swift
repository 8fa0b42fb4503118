import Millrace

/// What a sensor sends every half second.
struct Reading: Record, Codable {
    var sensor: Int
    var celsius: Double
    var at: EventTime
}

/// How hot a sensor may become. The last one that was sent holds.
struct Ceiling: Record, Codable {
    var sensor: Int
    var celsius: Double
    var at: EventTime
}

/// Spells of heat: readings above the sensor's ceiling, without a pause of three seconds, and their highest.
struct HotSpells: Pipeline {
    var body: some Flow<Reading, Pane<Int, Double>> {
        Events<Reading>()
            .timed(by: \.at, outOfOrder: .milliseconds(500))
            .keyed(by: \.sensor)
            .join(
                latest: Events<Ceiling>().timed(by: \.at).keyed(by: \.sensor), forgetAfter: .days(30), named: "ceilings"
            )
            .filter { $0.value.left.celsius > $0.value.right.celsius }
            .map(to: Reading.self) { $0.value.left }
            .keyed(by: \.sensor)
            .window(.session(gap: .seconds(3)))
            .aggregate(Max { $0.celsius }, named: "highest")
    }
}

/// What should be there and is not: a sensor that has sent nothing for five seconds is silent until it sends again.
struct Silence: KeyedProcess {
    static let patience = TimeSpan.seconds(5)
    /// Whether the sensor was reported.
    typealias State = Bool

    func makeState() -> Bool { false }

    func process(
        _ reading: Reading, at time: EventTime, in context: inout ProcessContext<Int, Bool>,
        emit: (String) throws -> Void
    ) throws {
        if context.state { try emit("back since \(time)") }
        context.state = false
        context.cancelTimers(tagged: 0)
        try context.setTimer(at: time + Self.patience, tag: 0)
    }

    func timer(
        _ timer: ProcessTimer, in context: inout ProcessContext<Int, Bool>, emit: (String) throws -> Void
    ) throws {
        context.state = true
        try emit("silent since \(timer.time - Self.patience)")
    }
}

struct SilentSensors: Pipeline {
    var body: some Flow<Reading, Keyed<Int, String>> {
        Events<Reading>()
            .timed(by: \.at, outOfOrder: .milliseconds(500))
            .keyed(by: \.sensor)
            .process(Silence(), forgetAfter: .minutes(60))
    }
}

@main struct SensorAlerts: StreamApp {
    static let sensors: Int64 = 20
    static let interval = TimeSpan.milliseconds(500)

    /// Twenty sensors take turns. Sensor 3 runs hot for ten seconds of every thirty; sensor 7 sends nothing for ten.
    static func reading(_ number: Int64, since start: EventTime) -> Reading {
        let (round, sensor) = number.quotientAndRemainder(dividingBy: sensors)
        let at = start + TimeSpan(microseconds: round * interval.microseconds)
        let second = (at - start).microseconds / 1_000_000 % 30
        var random = SeededRandom(seed: UInt64(number))
        let heat = sensor == 3 && (5..<15).contains(second) ? 40.0 : 0
        // A silent sensor's turn goes to its neighbour.
        let speaker = sensor == 7 && (5..<15).contains(second) ? 8 : sensor
        return Reading(
            sensor: Int(speaker), celsius: 20 + heat + Double(random.next() % 50) / 10, at: at)
    }

    var topology: Topology {
        let start = SystemClock().wall
        let perSecond = Int(Self.sensors) * 2
        let readings = Generator<Reading>("readings", perSecond: perSecond) { Self.reading($0, since: start) }
        let ceilings = Generator<Ceiling>("ceilings", perSecond: 100, count: Self.sensors) {
            Ceiling(sensor: Int($0), celsius: 50, at: start)
        }
        readings.feeds(HotSpells(), with: ceilings).into(Table("hot_spells"))
        readings.feeds(SilentSensors()).into(Table("silent_sensors"))
        Console(port: 8080)
    }
}
