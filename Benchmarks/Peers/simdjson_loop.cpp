// The limit: what one thread of C++ reaches when it does nothing but the benchmark's work, with no log, no state that
// survives, no table. Reads the file in blocks that stay in the cache, and parses each with simdjson's on-demand
// iterator over many documents.
#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: simdjson_loop EVENTS.ndjson CAMPAIGNS.csv OUT.csv\n"), 2;
    std::unordered_map<std::string_view, int> campaign_of;
    std::vector<std::string> lines, campaigns;
    std::ifstream table(argv[2]);
    for (std::string line; std::getline(table, line);) lines.push_back(line);
    std::unordered_map<std::string, int> number;
    for (const auto &line : lines) {
        auto comma = line.find(',');
        std::string campaign = line.substr(comma + 1);
        auto [entry, is_new] = number.emplace(campaign, (int)campaigns.size());
        if (is_new) campaigns.push_back(campaign);
        campaign_of.emplace(std::string_view(line).substr(0, comma), entry->second);
    }
    int file = open(argv[1], O_RDONLY);
    if (file < 0) return perror(argv[1]), 1;
    const size_t block = 1 << 20;
    std::vector<char> text(block + simdjson::SIMDJSON_PADDING);
    size_t held = 0;
    simdjson::ondemand::parser parser;
    // Window start in units of ten seconds → counts per campaign. Events come nearly in order: the last one is kept.
    std::map<int64_t, std::vector<int64_t>> windows;
    int64_t last_window = INT64_MIN, records = 0;
    std::vector<int64_t> *counts = nullptr;
    for (bool is_last = false; !is_last;) {
        ssize_t count = read(file, text.data() + held, block - held);
        if (count < 0) return perror(argv[1]), 1;
        is_last = count == 0;
        held += count;
        // Whole lines only; what is left of the last one moves to the front.
        size_t whole = held;
        while (!is_last && whole > 0 && text[whole - 1] != '\n') whole--;
        if (whole == 0) {
            if (is_last) break;
            return fprintf(stderr, "a line is longer than a block\n"), 1;
        }
        simdjson::ondemand::document_stream documents;
        if (parser.iterate_many(text.data(), whole, block).get(documents)) return 1;
        for (auto document : documents) {
            std::string_view ad, type;
            int64_t time;
            simdjson::ondemand::object object;
            if (document.get_object().get(object)) return 1;
            if (object["ad_id"].get(ad) || object["event_type"].get(type) || object["event_time"].get(time)) return 1;
            records++;
            if (type != "view") continue;
            auto campaign = campaign_of.find(ad);
            if (campaign == campaign_of.end()) continue;
            int64_t window = time / 10000;
            if (window != last_window) {
                auto &entry = windows[window];
                if (entry.empty()) entry.resize(campaigns.size());
                counts = &entry;
                last_window = window;
            }
            (*counts)[campaign->second]++;
        }
        memmove(text.data(), text.data() + whole, held - whole);
        held -= whole;
    }
    FILE *out = fopen(argv[3], "w");
    for (const auto &[window, entry] : windows)
        for (size_t i = 0; i < entry.size(); i++)
            if (entry[i])
                fprintf(out, "%s,%lld,%lld\n", campaigns[i].c_str(), (long long)window * 10000, (long long)entry[i]);
    fclose(out);
    fprintf(stderr, "%lld records\n", (long long)records);
}
