import MillraceCore

@main struct Main {
    static func main() {}
}
