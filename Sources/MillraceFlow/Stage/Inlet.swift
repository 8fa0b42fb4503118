public import MillraceCore

/// The way from the values of one input to what enters a stage, as a type, so that the kernel's loop sees through it.
public protocol InletPath: SendableMetatype {
    associatedtype Value: StageRecord
    associatedtype Input: StageRecord
    static func lift(_ value: Value) -> Input
}

/// A stage with one input: the value is what enters.
public enum WholeInlet<T: StageRecord>: InletPath {
    @inlinable @inline(__always) public static func lift(_ value: T) -> T { value }
}
/// The first of two inputs.
public enum LeftInlet<Q: InletPath, Left: StageRecord, Right: StageRecord>: InletPath
where Q.Value == Either<Left, Right> {
    @inlinable @inline(__always) public static func lift(_ value: Left) -> Q.Input { Q.lift(.left(value)) }
}
/// The second of two inputs.
public enum RightInlet<Q: InletPath, Left: StageRecord, Right: StageRecord>: InletPath
where Q.Value == Either<Left, Right> {
    @inlinable @inline(__always) public static func lift(_ value: Right) -> Q.Input { Q.lift(.right(value)) }
}

extension StageRecord {
    /// Nothing but records comes as values: what crossed a shuffle comes as bytes.
    @inlinable public static func inlet<I: InletPath, Q: FlowPath, S: StageSink>(
        port: Int, by _: I.Type, _ seat: InletSeat<Q, S>, _ pipeline: Q.P, _ state: Q.F.State
    ) -> Any? where I.Value == Self, I.Input == Q.F.StageInput, Q.F.Output == S.Value { nil }
}
extension Record {
    @inlinable public static func inlet<I: InletPath, Q: FlowPath, S: StageSink>(
        port: Int, by _: I.Type, _ seat: InletSeat<Q, S>, _ pipeline: Q.P, _ state: Q.F.State
    ) -> Any? where I.Value == Self, I.Input == Q.F.StageInput, Q.F.Output == S.Value {
        StageKernel.takeValues(I.self, seat, pipeline, state)
    }
}
extension Either where Left: StageRecord, Right: StageRecord {
    @inlinable public static func inlet<I: InletPath, Q: FlowPath, S: StageSink>(
        port: Int, by _: I.Type, _ seat: InletSeat<Q, S>, _ pipeline: Q.P, _ state: Q.F.State
    ) -> Any? where I.Value == Either, I.Input == Q.F.StageInput, Q.F.Output == S.Value {
        port < Left.portCount
            ? Left.inlet(port: port, by: LeftInlet<I, Left, Right>.self, seat, pipeline, state)
            : Right.inlet(port: port - Left.portCount, by: RightInlet<I, Left, Right>.self, seat, pipeline, state)
    }
}

/// Where an inlet is put: a kernel's sink and setup, and the port's number.
public struct InletSeat<Q: FlowPath, S: StageSink> {
    @usableFromInline let sink: S
    @usableFromInline let setup: StageSetup
    @usableFromInline let port: Int
    @inlinable init(_: Q.Type, _ sink: S, _ setup: StageSetup, port: Int) {
        (self.sink, self.setup, self.port) = (sink, setup, port)
    }
}

/// Values into a kernel, without bytes: what generators, benchmarks and tests make.
public struct TypedInput<Value: Record> {
    /// Values, the offset of the first, the time of those that bring none, and where results go.
    public typealias Body = (UnsafeBufferPointer<Value>, Int64, EventTime, inout StageOutput) -> Void
    private let kernel: StageKernel
    private let body: Body
    init(_ kernel: StageKernel, _ body: @escaping Body) { (self.kernel, self.body) = (kernel, body) }

    /// - Parameters:
    ///   - time: the log's time, for records that bring none of their own.
    ///   - offset: of the first value, for the places of bad records.
    public func process(
        _ values: UnsafeBufferPointer<Value>, at time: EventTime, from offset: Int64 = 0, into out: inout StageOutput
    ) {
        kernel.around(isEmpty: values.isEmpty) { body(values, offset, time, &out) }
    }
}

extension StageKernel {
    /// The body of a typed input: the same loop as for bytes, without reading them.
    @inlinable static func takeValues<I: InletPath, Q: FlowPath, S: StageSink>(
        _: I.Type, _ seat: InletSeat<Q, S>, _ pipeline: Q.P, _ state: Q.F.State
    ) -> TypedInput<I.Value>.Body where I.Value: Record, I.Input == Q.F.StageInput, Q.F.Output == S.Value {
        let (sink, port, clock, faults) = (seat.sink, seat.port, seat.setup.root, seat.setup.faults)
        let (takesLogTime, bound, sendsAlone) = (clock.takesLogTime, clock.logTimeBound, faults.words.pointee.isUsed)
        return { values, offset, time, out in
            let flow = Q.flow(of: pipeline)
            let looksAhead = flow.wantsPreparing(state)
            for index in values.indices {
                if looksAhead, index % Limits.recordsAhead == 0 {
                    let end = min(index + Limits.recordsAhead, values.count)
                    for next in index..<end { flow.prepare(I.lift(values[next]), state: state) }
                }
                if takesLogTime { clock.observe(time, bound: bound) }
                StageKernel.run(I.lift(values[index]), time, flow, state, sink, faults, sendsAlone, &out) {
                    BadRecord(offset: offset + Int64(index), port: port, cause: faults.cause, reason: "\($0)")
                }
            }
            if sendsAlone { faults.report(sink, &out) }
        }
    }
}
