import SigmaPeer
import SigmaSystem

/// A request under way, and for whom.
struct PendingExchange {
    let exchange: HTTPExchange
    let url: HTTPURL
    /// Who offered; `nil` for a DELETE.
    let offerer: Int?
    var isSent = false
}

extension LoadRun {
    func startDueJoins(at now: Int64) {
        for index in schedules.indices {
            while joining.count < options.joinLimit, let number = schedules[index].next(at: now) {
                begin(schedules[index].kind, number, at: now)
            }
        }
    }

    private func begin(_ kind: JoinSchedule.Kind, _ number: Int, at now: Int64) {
        switch kind {
        case .publishers: join(.publish(room: number))
        case .viewers: join(.watch(slot: number))
        case .connects: join(.connect(number: number))
        case .churn:
            let slot = number % slots.count
            if let index = slots[slot] { leave(index, at: now) }
            results.churned += 1
            join(.watch(slot: slot))
        }
    }

    private func url(_ purpose: LoadPurpose) -> HTTPURL? {
        switch purpose {
        case .publish(let room): options.whip?.room(room + 1)
        case .watch(let slot): options.whep?.room(slot % options.rooms + 1)
        case .connect(let number): options.whep?.room(number % options.rooms + 1)
        }
    }

    private func decrypts(_ purpose: LoadPurpose) -> Bool {
        if case .watch(let slot) = purpose { return options.sample.contains(slot) }
        return false
    }

    private func join(_ purpose: LoadPurpose) {
        guard let url = url(purpose) else { return }
        do throws(LoadError) {
            // Two runs must not be the same peers.
            let seed = UInt64(bitPattern: SystemClock.unix()) &+ UInt64(results.joinsBegun) << 40
            let client = try LoadClient(purpose, options, decrypts: decrypts(purpose), seed: seed)
            results.noteJoinBegun(at: client.askedAt)
            let index = enter(client)
            if case .watch(let slot) = purpose { slots[slot] = index }
            joining.insert(index)
            do throws(SystemError) {
                try poll.add(client.number)
                own(client.number, .client(index))
            } catch {
                throw LoadError(line: "\(error)")
            }
            try request("POST", url, offerer: index, body: client.peer.offer.text)
        } catch {
            results.note(error.line)
        }
    }

    private func enter(_ client: LoadClient) -> Int {
        guard let index = freeIndices.popLast() else {
            clients.append(client)
            counters.append(ViewerCounter())
            deadlines.append(.max)
            isCountedOnly.append(false)
            return clients.count - 1
        }
        clients[index] = client
        counters[index] = ViewerCounter()
        deadlines[index] = .max
        isCountedOnly[index] = false
        return index
    }

    private func own(_ number: Int32, _ owner: Owner) {
        while owners.count <= Int(number) { owners.append(.nobody) }
        owners[Int(number)] = owner
    }

    // MARK: Requests

    private func endpoint(of url: HTTPURL) throws(HTTPError) -> HTTPEndpoint {
        if let known = endpoints[url.authority] { return known }
        let endpoint = try HTTPEndpoint(url)
        endpoints[url.authority] = endpoint
        return endpoint
    }

    private func request(
        _ method: String, _ url: HTTPURL, offerer: Int?, body: String = ""
    ) throws(LoadError) {
        do throws(HTTPError) {
            let endpoint = try endpoint(of: url)
            do throws(SystemError) {
                let exchange = try HTTPExchange(
                    method, url, at: endpoint, token: options.token,
                    contentType: body.isEmpty ? nil : "application/sdp", body: body)
                try poll.add(exchange.number)
                try poll.change(exchange.number, wantsToWrite: true)
                own(exchange.number, .exchange)
                exchanges[exchange.number] = PendingExchange(exchange: exchange, url: url, offerer: offerer)
            } catch {
                throw HTTPError(description: "\(url.authority): \(error)")
            }
        } catch {
            guard let offerer else { throw LoadError(line: "\(error)") }
            fail(offerer, error.description)
        }
    }

    func advanceExchange(_ number: Int32) {
        guard let pending = exchanges[number] else { return }
        switch pending.exchange.advance() {
        case .sending: return
        case .receiving:
            guard !pending.isSent else { return }
            exchanges[number]?.isSent = true
            try? poll.change(number, wantsToWrite: false)
        case .done(let response):
            forget(number)
            if let offerer = pending.offerer { take(response, pending.url, for: offerer) }
        case .failed(let error):
            forget(number)
            if let offerer = pending.offerer { fail(offerer, "\(error)") }
        }
    }

    private func forget(_ number: Int32) {
        poll.remove(number)
        own(number, .nobody)
        exchanges[number] = nil
    }

    private func take(_ response: HTTPResponse, _ url: HTTPURL, for index: Int) {
        guard let client = clients[index] else { return }
        let now = SystemClock.monotonic()
        client.accept(response, from: url, at: now)
        settle(index, at: now)
    }

    // MARK: The end of a join

    private func fail(_ index: Int, _ line: String) {
        clients[index]?.fail(line)
        settle(index, at: SystemClock.monotonic())
    }

    /// After anything that may have changed a client: sends what it has made and sees whether it is there.
    func settle(_ index: Int, at now: Int64) {
        guard let client = clients[index] else { return }
        client.drain(at: now)
        deadlines[index] = client.peer.deadline ?? .max
        if client.takeKeyframeRequest() { noteKeyframeRequest(index) }
        guard joining.contains(index) else {
            if let failure = client.failure, !client.isReported {
                client.isReported = true
                results.note(failure)
            }
            return
        }
        if let failure = client.failure {
            joining.remove(index)
            client.isReported = true
            results.note(failure)
            if case .watch = client.purpose { return }
            leave(index, at: now)
        } else if client.phase == .connected {
            joined(index, client, at: now)
        }
    }

    private func joined(_ index: Int, _ client: LoadClient, at now: Int64) {
        switch client.purpose {
        case .publish(let room):
            joining.remove(index)
            results.publishersConnected += 1
            publications.append(Publication(index: index, plan: plan(room, from: now)))
        case .watch:
            joining.remove(index)
            results.noteJoin(client, isMeasured: options.connects == 0)
        case .connect:
            guard client.firstPacketAt != nil else { return }
            joining.remove(index)
            results.connectsDone += 1
            results.noteJoin(client, isMeasured: true)
            results.noteFirstPacket(client)
            leave(index, at: now)
        }
    }

    /// Rooms' pictures are not in step: each begins a part of a picture's time after the one before.
    private func plan(_ room: Int, from now: Int64) -> MediaPlan {
        let interval = 1_000_000_000 / Int64(options.video.framesPerSecond)
        let start = now - now % interval + interval + interval * Int64(room) / Int64(options.rooms)
        return MediaPlan(options.video, options.pacing, file: file, from: start)
    }

    private func noteKeyframeRequest(_ index: Int) {
        guard let place = publications.firstIndex(where: { $0.index == index }) else { return }
        publications[place].plan.requestKeyframe()
    }

    func giveUpOnSlowJoins(at now: Int64) {
        for index in joining {
            guard let client = clients[index], now - client.askedAt > Self.patience else { continue }
            let what =
                switch client.phase {
                case .asking: "no HTTP answer"
                case .connecting: "not connected"
                case .connected, .left: "no packet"
                }
            fail(index, "\(client.purpose.isPublisher ? "publisher" : "viewer"): \(what) in 10 s")
        }
    }

    /// Says goodbye on both ways; what the client has received stays counted.
    func leave(_ index: Int, at now: Int64) {
        guard let client = clients[index] else { return }
        client.leave(at: now)
        joining.remove(index)
        poll.remove(client.number)
        own(client.number, .nobody)
        results.departed = results.departed + counters[index].tally
        results.departedDrops += client.droppedDatagrams()
        if client.decrypts { results.departedSamples.append(client.peer) }
        if let place = publications.firstIndex(where: { $0.index == index }) {
            publications.remove(at: place)
        }
        clients[index] = nil
        deadlines[index] = .max
        freeIndices.append(index)
        // Its request may still be under way; the answer is nobody's then.
        for number in exchanges.keys where exchanges[number]?.offerer == index { forget(number) }
        counters[index] = ViewerCounter()
        guard let resource = client.resource else { return }
        do throws(LoadError) { try request("DELETE", resource, offerer: nil) } catch {
            results.note(error.line)
        }
    }
}
