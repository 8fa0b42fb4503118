internal import MillraceCore

/// Starting, ending and restarting of children.
extension SupervisorState {
    mutating func add(_ rule: ChildRule, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard children[rule.id] == nil, mode == .fresh || mode == .running else { return }
        children[rule.id] = Child(rule: rule, sequence: nextSequence)
        nextSequence += 1
        open += 1
        guard mode == .running else { return }
        startQueue.append(rule.id)
        startNext(now, &actions)
    }

    /// Starts who waits, in order, up to one that has to announce its readiness first.
    mutating func startNext(_ now: MonotonicTime, _ actions: inout [Action]) {
        guard mode == .running, awaitedReady == nil, group.isEmpty else { return }
        var index = 0
        while index < startQueue.count, awaitedReady == nil {
            let id = startQueue[index]
            index += 1
            guard children[id]?.phase == .waiting else { continue }
            start(id, now, &actions)
            if children[id]?.rule.announcesReadiness == true { awaitedReady = id }
        }
        startQueue.removeFirst(index)
    }

    mutating func start(_ id: String, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard let rule = children[id]?.rule else { return }
        nextIncarnation += 1
        children[id]?.incarnation = nextIncarnation
        children[id]?.startedAt = now
        setPhase(id, rule.announcesReadiness ? .starting : .running)
        actions.append(.start(id, nextIncarnation))
        tell(id, .started, &actions)
        if rule.announcesReadiness {
            arm(id, .startDeadline(id), after: rule.start, &actions)
        }
    }

    mutating func ready(_ id: String, _ incarnation: UInt64, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard let child = children[id], child.incarnation == incarnation, child.phase == .starting else { return }
        disarm(id, &actions)
        setPhase(id, .running)
        tell(id, .ready, &actions)
        goOn(after: id, now, &actions)
    }

    /// The start order no longer waits for this child.
    mutating func goOn(after id: String, _ now: MonotonicTime, _ actions: inout [Action]) {
        if awaitedReady == id { awaitedReady = nil }
        startNext(now, &actions)
    }

    mutating func ended(
        _ id: String, _ incarnation: UInt64, _ outcome: Outcome, _ now: MonotonicTime, _ actions: inout [Action]
    ) {
        // An abandoned predecessor that ends at last is not this child any more.
        guard let child = children[id], child.incarnation == incarnation, child.phase.isAlive else { return }
        disarm(id, &actions)
        if child.phase == .stopping { return endedAsTold(child, now, &actions) }
        switch (outcome, child.rule.restart) {
        case (.finished, .permanent):
            let failure = Failure(
                .childFailed, "\(id) ended though it is permanent",
                advice: "Make it transient when ending is right", place: "\(name)/\(id)")
            failed(id, failure, .restart, now, &actions)
        case (.finished, .transient), (.finished, .temporary):
            tell(id, .finished, &actions)
            setPhase(id, .finished)
            if child.rule.restart == .temporary { forget(id) }
            goOn(after: id, now, &actions)
            advanceStopping(now, &actions)
            endIfDone(&actions)
        case (.failed(let failure, let directive), .permanent), (.failed(let failure, let directive), .transient):
            failed(id, failure, directive, now, &actions)
        case (.failed(let failure, let directive), .temporary):
            if directive == .escalate { return failed(id, failure, directive, now, &actions) }
            tell(id, .failed(failure, restartIn: nil), &actions)
            forget(id)
            goOn(after: id, now, &actions)
            advanceStopping(now, &actions)
            endIfDone(&actions)
        }
    }

    /// It was cancelled and has ended (or was abandoned).
    mutating func endedAsTold(_ child: Child, _ now: MonotonicTime, _ actions: inout [Action]) {
        let id = child.rule.id
        tell(id, .stopped, &actions)
        children[id]?.verdict = nil
        if child.isToBeForgotten {
            forget(id)
            startNext(now, &actions)
        } else if let verdict = child.verdict, mode == .running, !group.contains(id) {
            return failed(id, verdict.failure, verdict.directive, now, &actions)
        } else {
            setPhase(id, .stopped)
            if child.rule.restart == .temporary { forget(id) }
        }
        advanceStopping(now, &actions)
        endIfDone(&actions)
    }

    mutating func failed(
        _ id: String, _ failure: Failure, _ directive: Directive, _ now: MonotonicTime, _ actions: inout [Action]
    ) {
        children[id]?.lastFailure = failure
        guard mode == .running, let child = children[id] else {
            tell(id, .failed(failure, restartIn: nil), &actions)
            setPhase(id, .stopped)
            return advanceStopping(now, &actions)
        }
        if directive == .stop || directive == .escalate {
            tell(id, .failed(failure, restartIn: nil), &actions)
            setPhase(id, .failed)
            if directive == .escalate { return escalate(failure, from: id, now, &actions) }
            goOn(after: id, now, &actions)
            advanceStopping(now, &actions)
            return endIfDone(&actions)
        }
        let isAlone = options.strategy == .oneForOne
        let policy = isAlone ? child.rule.policy : options.groupPolicy
        let ownAttempt = children[id]?.count.failed(
            at: now, startedAt: child.startedAt, policy: isAlone ? policy : RestartPolicy(intensity: nil))
        let attempt =
            isAlone ? ownAttempt : groupCount.failed(at: now, startedAt: child.startedAt, policy: policy)
        guard let attempt else { return exhausted(id, failure, policy, now, &actions) }
        let delay = policy.backoff.delay(attempt: attempt, random: &random)
        tell(id, .failed(failure, restartIn: delay), &actions)
        if isAlone {
            setPhase(id, .backingOff)
            arm(id, .restart(id), after: delay, &actions)
        } else {
            restartGroup(of: child, after: delay, now, &actions)
        }
    }

    mutating func exhausted(
        _ id: String, _ cause: Failure, _ policy: RestartPolicy, _ now: MonotonicTime, _ actions: inout [Action]
    ) {
        let failure = Failure(
            .restartIntensity,
            "\(id) failed more than \(policy.intensity ?? 0) times within \(policy.period.seconds) s",
            advice: "Look at the cause; then restart it by hand", place: "\(name)/\(id)", cause: cause, isFatal: true)
        tell(id, .failed(cause, restartIn: nil), &actions)
        setPhase(id, .failed)
        children[id]?.lastFailure = failure
        guard options.givingUp == .leaveFailed else { return escalate(failure, from: id, now, &actions) }
        tell(id, .gaveUp(failure), &actions)
        goOn(after: id, now, &actions)
        endIfDone(&actions)
    }

    mutating func restart(
        _ id: String, _ failure: Failure, _ directive: Directive, _ now: MonotonicTime, _ actions: inout [Action]
    ) {
        guard let child = children[id], mode == .running else { return }
        switch child.phase {
        case .starting, .running:
            children[id]?.verdict = (failure, directive)
            cancel(id, &actions)
        case .finished, .failed, .stopped:
            guard !group.contains(id) else { return }
            children[id]?.count = RestartCount()
            setPhase(id, .waiting)
            startQueue.append(id)
            startNext(now, &actions)
        case .waiting, .stopping, .backingOff: break
        }
    }

    mutating func remove(_ id: String, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard let child = children[id] else { return }
        switch child.phase {
        case .starting, .running:
            children[id]?.isToBeForgotten = true
            cancel(id, &actions)
        case .stopping: children[id]?.isToBeForgotten = true
        case .waiting, .backingOff, .finished, .failed, .stopped:
            disarm(id, &actions)
            forget(id)
            startNext(now, &actions)
            endIfDone(&actions)
        }
    }

    mutating func cancel(_ id: String, _ actions: inout [Action]) {
        guard let child = children[id] else { return }
        disarm(id, &actions)
        setPhase(id, .stopping)
        actions.append(.cancel(id, child.incarnation))
        arm(id, .stopDeadline(id), after: child.rule.shutdown, &actions)
    }
}
