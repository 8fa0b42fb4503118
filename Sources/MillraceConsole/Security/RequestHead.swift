internal import MillraceCore

/// What is refused before routing. Strict, because what two programs read differently is how requests are smuggled.
enum RequestHead {
    struct Refusal: Error { let response: Response }

    static func check(
        method: String, target: String, version: String, headers raw: [(String, String)], address: Address
    ) -> Result<Request, Refusal> {
        func refuse(_ status: Int, _ message: String) -> Result<Request, Refusal> {
            .failure(Refusal(response: .refusal(status, message, closes: true)))
        }
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { return refuse(505, "HTTP/1.1 is spoken here") }
        guard raw.count <= Limits.httpHeaders else { return refuse(431, "more than \(Limits.httpHeaders) headers") }
        guard target.utf8.count <= Limits.httpLineBytes else { return refuse(414, "the target is too long") }
        var size = target.utf8.count + 16
        for (name, value) in raw {
            size += name.utf8.count + value.utf8.count + 4
            guard name.utf8.count + value.utf8.count <= Limits.httpLineBytes else {
                return refuse(431, "a header is longer than \(Limits.httpLineBytes) bytes")
            }
            guard !name.isEmpty, name.utf8.allSatisfy(isToken) else {
                return refuse(400, "a header's name is malformed")
            }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 }) else {
                return refuse(400, "a header's value has control characters")
            }
        }
        guard size <= Limits.httpHeadBytes else {
            return refuse(431, "the head is longer than \(Limits.httpHeadBytes)")
        }
        let headers = Headers(raw)
        guard headers.count("host") == 1 else { return refuse(400, "exactly one Host header is needed") }
        guard headers.count("content-length") <= 1 else { return refuse(400, "several Content-Length headers") }
        guard headers.count("transfer-encoding") <= 1 else { return refuse(400, "several Transfer-Encoding headers") }
        if let length = headers["content-length"] {
            guard headers.count("transfer-encoding") == 0 else {
                return refuse(400, "Content-Length and Transfer-Encoding together")
            }
            guard !length.isEmpty, length.utf8.count <= 18, length.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else {
                return refuse(400, "Content-Length is not a number")
            }
        }
        if let coding = headers["transfer-encoding"], coding.lowercased() != "chunked" {
            return refuse(501, "of transfer codings only chunked is known")
        }
        guard let method = Request.Method(rawValue: method) else { return refuse(405, "this method is not known") }
        guard let target = Target(target) else { return refuse(400, "the target is malformed") }
        return .success(
            Request(
                method: method, path: target.path, query: target.query, headers: headers, address: address))
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension Response {
    /// On every answer. (Nothing is cached, framed, sniffed, or loaded from elsewhere.)
    static let alwaysHeaders: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
}
