// Drivers of lock boards on bad lines and beside boards that are not what the configuration says. Every unlock of every
// case is followed to its end in the world: how often its frame left, which doors moved, what the controller believed.
// Exit 1: an unlock left twice, a wrong opening was not seen, a CRC-16 let a lie pass, or a failure was not told.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/board_drill_rig.h"

namespace {

using namespace cubby;
using bench::Case;
using bench::Expect;
using bench::Tally;

constexpr std::uint64_t kUnlocksDefault = 2'000;
constexpr std::array<std::uint32_t, 3> kFlips{100, 1'000, 10'000};  // In a million bytes.

/// Boards of a family that differ from what its driver is told in one setting, and what has to come of it.
std::vector<Case> wrong_settings() {
  return {
      {"p1", "status_order=first", Expect::kSilent},
      {"p1", "feedback=opening", Expect::kReadsOpen},
      {"p1", "first_channel=0", Expect::kOpensElsewhere},
      {"p1", "unlock_reply=none", Expect::kWorks},
      {"p1", "unlock_reply=status", Expect::kWorks},
      {"p1", "unlock_reply_ms=1500", Expect::kWorks},
      {"p1", "busy_after_unlock_ms=700", Expect::kWorks},
      {"p1", "local_echo=on", Expect::kSilent},
      {"p1", "garbage_prefix=on", Expect::kWorks},
      {"p1", "unsolicited=on", Expect::kWorks},
      {"p1", "channels=32", Expect::kSilent},
      {"p1", "address=9", Expect::kSilent},
      {"p1", "baud=19200", Expect::kSilent},
      {"p2", "closed_bit=0", Expect::kReadsOpen},
      {"p2", "first_channel=1", Expect::kOpensElsewhere},
      {"p2", "unlock_reply=status", Expect::kWorks},
      {"p2", "unlock_reply=late", Expect::kWorks},
      {"p2", "busy_after_unlock_ms=500", Expect::kWorks},
      {"p2", "local_echo=on", Expect::kSilent},
      {"p2", "garbage_prefix=on", Expect::kWorks},
      {"p2", "address=9", Expect::kSilent},
      {"p2", "baud=9600", Expect::kSilent},
      {"p5", "closed_bit=0", Expect::kReadsOpen},
      {"p5", "busy_after_unlock_ms=700", Expect::kFails},
      {"p5", "local_echo=on", Expect::kSilent},
      {"p5", "garbage_prefix=on", Expect::kWorks},
      {"p5", "address=9", Expect::kSilent},
      {"p5", "baud=19200", Expect::kSilent},
      {"p6", "first_channel=0", Expect::kOpensElsewhere},
      {"p6", "reply_form=B", Expect::kWorks},
      {"p6", "unlock_reply=none", Expect::kWorks},
      {"p6", "unlock_reply=status", Expect::kWorks},
      {"p6", "unlock_reply_ms=1500", Expect::kWorks},
      {"p6", "busy_after_unlock_ms=700", Expect::kWorks},
      {"p6", "local_echo=on", Expect::kSilent},
      {"p6", "garbage_prefix=on", Expect::kWorks},
      {"p6", "channels=24", Expect::kSilent},
      {"p6", "address=9", Expect::kSilent},
      {"p6", "baud=19200", Expect::kSilent},
      {"p7", "first_channel=0", Expect::kOpensElsewhere},
      {"p7", "unlock_reply=none", Expect::kWorks},
      {"p7", "unlock_reply=status", Expect::kWorks},
      {"p7", "unlock_reply_ms=1500", Expect::kWorks},
      {"p7", "busy_after_unlock_ms=700", Expect::kWorks},
      {"p7", "local_echo=on", Expect::kSilent},
      {"p7", "garbage_prefix=on", Expect::kWorks},
      {"p7", "unsolicited=on", Expect::kWorks},
      {"p7", "channels=8", Expect::kSilent},
      {"p7", "address=9", Expect::kSilent},
      {"p7", "baud=19200", Expect::kSilent},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* family : {"p1", "p2", "p5", "p6", "p7"}) {
    cases.push_back({family, "", Expect::kWorks});
    for (const std::uint32_t flips : kFlips) {
      cases.push_back({family, "", Expect::kFails, {.flip = flips}});
    }
    // Everything at once, and a flip for each hundred bits.
    cases.push_back({family, "", Expect::kFails, {.flip = 2'000, .burst = 2'000, .drop = 2'000, .twice = 2'000}});
    cases.push_back({family, "", Expect::kFails, {.flip = 77'000}});
  }
  for (const Case& wrong : wrong_settings()) {
    cases.push_back(wrong);
  }
  return cases;
}

void print_head(std::uint64_t unlocks) {
  std::printf(
      "# %llu unlocks a case. elsewhere: openings of doors that nobody asked for; unseen: of those, the ones that\n"
      "# the controller did not notice. lies: doors that it believed to be as they were not, after two readings.\n"
      "# failed: unlocks after which the door stayed shut; untold: of those, the ones reported as opened.\n"
      "# burnt: coils that were held until they were dead.\n",
      static_cast<unsigned long long>(unlocks));
  std::printf("%-3s %-25s %9s %9s %9s %8s %9s %9s %9s %6s %7s %8s %6s %5s %s\n", "", "board differs, line", "sent",
              "done", "unknown", "refused", "opened", "failed", "elsewhere", "unseen", "lies", "silences", "untold",
              "burnt", "verdict");
}

/// A name for it and what is wrong, if anything is.
void print(const Case& it, const Tally& tally, const std::string& verdict) {
  std::string what = it.setting.empty() ? "as it should" : it.setting;
  if (it.noise.flip + it.noise.burst + it.noise.drop + it.noise.twice != 0) {
    what = it.noise.drop != 0 ? "noise of all kinds" : "flips " + std::to_string(it.noise.flip) + "e-6";
  }
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%-3s %-25s %9llu %9llu %9llu %8llu %9llu %9llu %9llu %6llu %7llu %8llu %6llu %5llu %s\n",
              it.family.c_str(), what.c_str(), number(tally.sent), number(tally.done), number(tally.unknown),
              number(tally.refused), number(tally.opened), number(tally.failed), number(tally.elsewhere),
              number(tally.unseen), number(tally.lies), number(tally.silences), number(tally.untold),
              number(tally.burnt), verdict.c_str());
  std::fflush(stdout);
}

/// Empty: it held what it must.
std::string broken(const Case& it, const Tally& tally, std::uint64_t unlocks) {
  const bool crc = it.family == "p5";
  if (tally.sent + tally.not_sent != unlocks) {
    return "an unlock left twice, or not at all";
  }
  if (tally.unseen != 0) {
    return "wrong openings were not seen";
  }
  if (tally.untold != 0) {
    return "failures were reported as openings";
  }
  if (it.expect != Expect::kReadsOpen && crc && (tally.lies != 0 || tally.elsewhere != 0)) {
    return "noise got through a CRC-16";
  }
  const std::uint64_t most = unlocks - unlocks / 20;
  switch (it.expect) {
    case Expect::kWorks:
      return tally.opened >= most && tally.elsewhere == 0 && tally.lies == 0 ? "" : "it should work";
    case Expect::kFails:
      return "";
    case Expect::kSilent:
      return tally.unreadable_at_start && tally.done_silently == 0 ? "" : "the board should count as silent";
    case Expect::kReadsOpen:
      return tally.open_at_start ? "" : "every door should read open";
    case Expect::kOpensElsewhere:
      return tally.elsewhere != 0 && tally.opened == 0 ? "" : "every opening should be somewhere else";
  }
  return "?";
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t unlocks = kUnlocksDefault;
  std::string_view only;
  std::string_view kind;
  if (argc > 1) {
    unlocks = std::strtoull(argv[1], nullptr, 10);
  }
  if (argc > 2) {
    only = argv[2];
  }
  if (argc > 3) {
    kind = argv[3];
  }
  if (unlocks == 0 || argc > 4 || (argc > 3 && kind != "line" && kind != "wrong")) {
    std::fprintf(
        stderr,
        "usage: cubby-board-drill [UNLOCKS [FAMILY [line|wrong]]]     2,000 of each case; p1, p2, p5, p6 or p7;\n"
        "  good and bad lines only, or wrong settings only\n");
    return 2;
  }
  print_head(unlocks);
  int failures = 0;
  std::uint64_t seed = 1;
  for (const Case& it : all_cases()) {
    ++seed;
    if ((!only.empty() && it.family != only) || (!kind.empty() && it.setting.empty() != (kind == "line"))) {
      continue;
    }
    const Tally tally = bench::drill(it, unlocks, seed);
    const std::string problem = broken(it, tally, unlocks);
    failures += problem.empty() ? 0 : 1;
    print(it, tally, problem.empty() ? std::string(bench::name_of(it.expect)) : "BROKEN: " + problem);
  }
  std::printf("board-drill: %d broken\n", failures);
  return failures == 0 ? 0 : 1;
}
