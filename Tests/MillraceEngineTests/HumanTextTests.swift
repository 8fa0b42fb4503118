import MillraceCore
import Testing

@testable import MillraceEngine

@Suite struct HumanTextTests {
    @Test(
        arguments: [
            (0, "0 µs"), (999, "999 µs"), (1_000, "1 ms"), (1_500, "1.5 ms"), (12_400, "12 ms"), (3_400_000, "3.4 s"),
            (59_000_000, "59 s"), (90_000_000, "1.5 min"), (7_200_000_000, "2 h"), (259_200_000_000, "3 d"),
            (-2_500_000, "-2.5 s"),
        ] as [(Int64, String)])
    func spans(microseconds: Int64, text: String) {
        #expect(HumanText.span(TimeSpan(microseconds: microseconds)) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567"),
            (Int64.min, "-9,223,372,036,854,775,808"),
        ]
            as [(Int64, String)])
    func counts(number: Int64, text: String) { #expect(HumanText.count(number) == text) }

    @Test(
        arguments: [(0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (40 << 20, "40 MiB")]
            as [(Int64, String)])
    func sizes(bytes: Int64, text: String) { #expect(HumanText.bytes(bytes) == text) }

    @Test func columnsLineUp() {
        #expect(Columns.aligned([["a", "bb", "c"], ["aaa", "b", "cc"]], indent: 1) == " a    bb  c\n aaa  b   cc\n")
    }
}
