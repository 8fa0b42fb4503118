internal import MillraceCore

/// What concerns several children: restarting together, shutdown, escalation; and the timers.
extension SupervisorState {
    /// Stops those that restart together, last started first; the rest follows when they have ended.
    mutating func restartGroup(
        of failed: Child, after delay: TimeSpan, _ now: MonotonicTime, _ actions: inout [Action]
    ) {
        setPhase(failed.rule.id, .stopped)
        let affected = children.values.filter {
            options.strategy == .oneForAll || $0.sequence >= failed.sequence
        }
        for child in affected where child.phase != .finished && child.phase != .failed {
            group.insert(child.rule.id)
        }
        groupDelay = delay
        if let token = groupTimer { disarm(token: token, &actions) }
        groupTimer = nil
        if let awaited = awaitedReady, group.contains(awaited) { awaitedReady = nil }
        stopStack = sortedIDs().filter(group.contains)
        advanceStopping(now, &actions)
    }

    /// Cancels the next child to be stopped, or goes on when none is left.
    mutating func advanceStopping(_ now: MonotonicTime, _ actions: inout [Action]) {
        guard mode == .stopping || !group.isEmpty, groupTimer == nil else { return }
        while let id = stopStack.last {
            switch children[id]?.phase {
            case .stopping: return
            case .starting, .running: return cancel(id, &actions)
            default: stopStack.removeLast()
            }
        }
        if mode == .stopping { return end(&actions) }
        groupTimer = arm(.group, after: groupDelay, &actions)
    }

    private mutating func startGroup(_ now: MonotonicTime, _ actions: inout [Action]) {
        let ids = sortedIDs().filter(group.contains)
        group = []
        groupTimer = nil
        for id in ids where children[id]?.phase == .stopped { setPhase(id, .waiting) }
        // In the order of adding, also with those that had not had their turn.
        startQueue = sortedIDs().filter { children[$0]?.phase == .waiting }
        startNext(now, &actions)
        endIfDone(&actions)
    }

    mutating func escalate(_ failure: Failure, from id: String, _ now: MonotonicTime, _ actions: inout [Action]) {
        tell(id, .escalated(failure), &actions)
        shutdown(failure, now, &actions)
    }

    mutating func shutdown(_ failure: Failure?, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard mode == .running || mode == .fresh else { return }
        mode = .stopping
        endsWith = failure
        startQueue = []
        awaitedReady = nil
        group = []
        if let token = groupTimer { disarm(token: token, &actions) }
        groupTimer = nil
        stopStack = sortedIDs()
        for id in stopStack where children[id]?.phase == .backingOff || children[id]?.phase == .waiting {
            disarm(id, &actions)
            setPhase(id, .stopped)
        }
        stopStack.removeAll { !(children[$0]?.phase.isAlive ?? false) }
        if !stopStack.isEmpty { _ = arm(.shutdown, after: options.shutdown, &actions) }
        if options.stopsTogether {
            for id in stopStack.reversed() where children[id]?.phase != .stopping { cancel(id, &actions) }
        }
        advanceStopping(now, &actions)
    }

    private mutating func end(_ actions: inout [Action]) {
        mode = .ended
        for token in timers.keys.sorted() { disarm(token: token, &actions) }
        actions.append(.end(endsWith))
    }

    mutating func fired(_ token: Int, _ now: MonotonicTime, _ actions: inout [Action]) {
        guard let purpose = timers.removeValue(forKey: token) else { return }
        switch purpose {
        case .restart(let id):
            children[id]?.timer = nil
            guard children[id]?.phase == .backingOff else { return }
            start(id, now, &actions)
        case .startDeadline(let id):
            children[id]?.timer = nil
            tell(id, .slowStart, &actions)
            goOn(after: id, now, &actions)
        case .stopDeadline(let id):
            children[id]?.timer = nil
            guard let child = children[id], child.phase == .stopping else { return }
            tell(id, .abandoned, &actions)
            endedAsTold(child, now, &actions)
        case .group: startGroup(now, &actions)
        case .shutdown: abandonAll(&actions)
        }
    }

    /// The deadline of the whole shutdown: cancel who was not told yet, and go.
    private mutating func abandonAll(_ actions: inout [Action]) {
        for id in stopStack.reversed() {
            guard let child = children[id], child.phase.isAlive else { continue }
            if child.phase != .stopping { actions.append(.cancel(id, child.incarnation)) }
            disarm(id, &actions)
            setPhase(id, .stopped)
            tell(id, .abandoned, &actions)
        }
        end(&actions)
    }
}
