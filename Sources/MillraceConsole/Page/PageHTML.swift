enum PageHTML {
    static let text = ""
    static let icon = ""
}
enum PageStyle { static let text = "" }
enum PageScript { static let all: [String] = [] }
