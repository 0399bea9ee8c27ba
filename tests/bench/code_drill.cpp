// A thief at the keypad: guesses at a station of the real firmware with 60 live codes, with the plug pulled between any
// two tries. Prints what got through beside what theory allows, and whether time tells a right code from a wrong one.
// Exit 1: more got through, or it does.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "firmware/base/hotp.h"
#include "firmware/base/prng.h"
#include "firmware/core/pickup_codes.h"
#include "unit/core/station_world.h"

namespace {

using namespace cubby;
using tests::Screen;
using tests::StationWorld;

constexpr unsigned kParcels = 60;
constexpr std::uint64_t kCodesInAll = 100'000'000;  // Of kCodeDigits digits.
constexpr auto kSiege = Duration::hours(72);
constexpr double kChanceOfAFalseAlarm = 1e-6;

std::string digits_of(std::uint64_t value) {
  auto text = std::to_string(value);
  return std::string(limits::kCodeDigits - text.size(), '0') + text;
}

/// So many wrong codes get a verdict in that time at most, whoever enters them: RELIABILITY's throttle, worked out on
/// its own.
unsigned verdicts_allowed(std::int64_t seconds) {
  std::int64_t clock = 0;
  std::int64_t wait = 30;
  unsigned verdicts = 0;
  while (clock <= seconds && verdicts < 100) {
    ++verdicts;
    if (verdicts >= 5) {
      clock += wait;
      wait = std::min<std::int64_t>(2 * wait, 3600);
    }
  }
  return verdicts;
}

/// More than so many hits come about by chance less often than kChanceOfAFalseAlarm.
unsigned hits_allowed(double expected) {
  double term = std::exp(-expected);
  double sum = term;
  unsigned hits = 0;
  while (1 - sum > kChanceOfAFalseAlarm) {
    ++hits;
    term *= expected / hits;
    sum += term;
  }
  return hits;
}

/// Full of parcels; every siege begins with this chip.
class Station {
 public:
  Station() : world_(options()) {
    for (unsigned i = 0; i < kParcels; ++i) {
      if (world_.deposit('S', "P" + std::to_string(i)) == 0) {
        std::fprintf(stderr, "cubby-code-drill: the station took %u of %u parcels\n", i, kParcels);
        std::exit(1);
      }
    }
    for (unsigned door = 1; door <= kParcels; ++door) {
      codes_.push_back(world_.code_of(door));
    }
    chip_ = world_.flash();
  }

  StationWorld& world() { return world_; }
  bool is_live(const std::string& code) const { return std::find(codes_.begin(), codes_.end(), code) != codes_.end(); }
  const std::string& some_code(Prng& prng) const { return codes_[prng.below(codes_.size())]; }
  void begin_again() {
    for (unsigned door = 1; door <= kParcels; ++door) {
      if (world_.is_open(door)) {
        world_.shut(door);
      }
    }
    world_.flash() = chip_;
    world_.power_cycle();
    world_.forget_history();
  }

 private:
  static StationWorld::Options options() {
    StationWorld::Options options;
    options.doors.assign(kParcels, cubby_v1_Size_SIZE_S);
    options.retention_h = 720;
    options.skip_idle_polls = true;
    return options;
  }

  StationWorld world_;
  std::vector<std::string> codes_;
  tests::RamFlash chip_;
};

struct Tally {
  std::uint64_t sieges = 0;
  std::uint64_t verdicts = 0;
  unsigned verdicts_max = 0;      // Of one siege.
  std::uint64_t locked_out = 0;   // Tried right after the plug was in again.
  std::uint64_t right = 0;        // Guesses that were somebody's code, by chance.
  std::uint64_t openings = 0;     // Doors that moved, whatever was entered.
  std::uint64_t owners = 0;       // Somebody with a code came after the siege ...
  std::uint64_t owners_door = 0;  // ... and got a door.
};

/// 72 hours at one station; then somebody with a code comes once the keypad is free.
void besiege(Station& station, Prng& prng, Tally& tally) {
  station.begin_again();
  auto& world = station.world();
  const auto begin = world.openings();
  const auto end = world.now() + kSiege;
  std::uint32_t failures = 0;
  unsigned verdicts = 0;
  while (world.openings() == begin && failures < limits::kHardStopTries) {
    const auto wait = core::lockout_after(failures);
    if (wait != Duration{}) {
      world.enter_code(digits_of(prng.below(kCodesInAll)));
      tally.locked_out += world.last_screen().screen == Screen::kLockedOut ? 1 : 0;
      world.advance(wait);
    }
    if (world.now() > end) {
      break;
    }
    const auto guess = digits_of(prng.below(kCodesInAll));
    world.enter_code(guess);
    ++verdicts;
    tally.right += station.is_live(guess) ? 1 : 0;
    world.power_cycle();
    failures = world.controller().state().failures();
  }
  ++tally.sieges;
  tally.verdicts += verdicts;
  tally.verdicts_max = std::max(tally.verdicts_max, verdicts);
  tally.openings += world.openings() - begin;
  if (failures < limits::kHardStopTries && world.openings() == begin) {
    ++tally.owners;
    world.enter_code(station.some_code(prng));
    tally.owners_door += world.openings() == begin + 1 ? 1 : 0;
  }
}

bool drill(Station& station, Prng& prng, std::uint64_t guesses) {
  Tally tally;
  while (tally.verdicts < guesses) {
    besiege(station, prng, tally);
  }
  const auto allowed_each = verdicts_allowed(kSiege.us / 1'000'000);
  const double expected = static_cast<double>(tally.verdicts) * kParcels / static_cast<double>(kCodesInAll);
  const auto allowed = hits_allowed(expected);
  const auto count = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("sieges of 72 h, 60 live codes, the plug pulled after each verdict   %12llu\n", count(tally.sieges));
  std::printf("guesses that got a verdict                                          %12llu\n", count(tally.verdicts));
  std::printf("  in one siege at most                                              %12u   theory: %u\n",
              tally.verdicts_max, allowed_each);
  std::printf(
      "guesses answered LOCKED_OUT, right after the power came back        %12llu   not compared with any code\n",
      count(tally.locked_out));
  std::printf(
      "guesses that were somebody's code                                   %12llu   theory: %.3f on average, up to %u "
      "by chance\n",
      count(tally.right), expected, allowed);
  std::printf("doors that opened                                                   %12llu\n", count(tally.openings));
  std::printf("chance of one opening in a siege                                    %11.4f%%   60 x %u / 10^8\n",
              100.0 * allowed_each * kParcels / static_cast<double>(kCodesInAll), allowed_each);
  std::printf(
      "recipients who came after a siege                                   %12llu   doors opened for them: %llu\n",
      count(tally.owners), count(tally.owners_door));
  const bool good = tally.verdicts_max <= allowed_each && tally.right <= allowed && tally.openings == tally.right &&
                    tally.owners == tally.owners_door && tally.owners > 0 && tally.locked_out > 0;
  std::printf("%s\n\n", good ? "no more than theory allows" : "MORE THAN THEORY ALLOWS, or a recipient got no door");
  return good;
}

/// From `#` until the panel shows something, in the station's time, over all tries of one kind.
struct Answers {
  std::int64_t us_min = INT64_MAX;
  std::int64_t us_max = 0;
  std::uint64_t programs = 0;  // Of flash, until then.
};

void answer(Station& station, const std::string& code, Answers& answers) {
  station.begin_again();
  auto& world = station.world();
  world.keys(code);
  world.forget_screens();
  const auto entered = world.now();
  const auto operations = world.flash().operations();
  world.key('#');
  while (world.screens().empty() && world.now() < entered + Duration::seconds(5)) {
    world.advance(Duration{100});
  }
  answers.us_min = std::min(answers.us_min, (world.now() - entered).us);
  answers.us_max = std::max(answers.us_max, (world.now() - entered).us);
  answers.programs += world.flash().operations() - operations;
}

/// Mean and variance of what is below the cut.
struct Sample {
  double mean = 0;
  double variance = 0;
  double count = 0;
};
Sample below(const std::vector<double>& values, double cut) {
  Sample sample;
  for (const double value : values) {
    if (value <= cut) {
      ++sample.count;
      const double delta = value - sample.mean;
      sample.mean += delta / sample.count;
      sample.variance += delta * (value - sample.mean);
    }
  }
  sample.variance /= std::max(1.0, sample.count - 1);
  return sample;
}

/// Welch's t of two kinds of codes, as in "dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede, 2017):
/// tries of both in random order, the slowest twentieth of all, which the machine interrupted, left out.
double welch_t(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> all = one;
  all.insert(all.end(), other.begin(), other.end());
  const auto cut = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 19 / 20);
  std::nth_element(all.begin(), cut, all.end());
  const auto a = below(one, *cut);
  const auto b = below(other, *cut);
  return (a.mean - b.mean) / std::sqrt(a.variance / a.count + b.variance / b.count);
}

std::uint64_t compare(const core::PickupCodes& codes, const std::array<char, limits::kCodeDigits>& typed, int rounds) {
  std::uint64_t found = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto bits = codes.find({typed.data(), typed.size()});
    found += bits[0];
    asm volatile("" : : "r"(typed.data()) : "memory");  // Each round reads anew.
  }
  return found;
}

/// How long the comparison with all live codes takes, for a right code, a random one and one that differs in a digit.
bool compare_times(Prng& prng, std::size_t tries) {
  constexpr int kRounds = 32;  // The clock counts in tens of nanoseconds.
  constexpr std::size_t kTriesToJudge = 5'000;
  core::PickupCodes codes;
  std::vector<std::string> live;
  codes.set_key({}, 1);
  for (std::uint8_t door = 1; door <= kParcels; ++door) {
    codes.put(door, door);
    live.emplace_back(pickup_code({}, door, limits::kCodeDigits).text());
  }
  enum Kind : std::size_t { kRight, kRandom, kNear };
  std::array<std::vector<double>, 3> times;
  std::array<char, limits::kCodeDigits> typed{};
  std::uint64_t found = 0;
  while (times[kRight].size() < tries || times[kRandom].size() < tries || times[kNear].size() < tries) {
    // All three are made each time and one is typed, so that what comes before the clock starts is the same.
    const auto kind = prng.below(times.size());
    std::array<std::string, 3> made{live[prng.below(live.size())], digits_of(prng.below(kCodesInAll)), ""};
    made[kNear] = made[kRight];
    auto& place = made[kNear][prng.below(limits::kCodeDigits)];
    place = static_cast<char>('0' + (place - '0' + 1 + static_cast<int>(prng.below(9))) % 10);
    made[kRight].copy(typed.data(), typed.size());
    found += compare(codes, typed, kRounds);
    made[kind].copy(typed.data(), typed.size());
    const auto begin = std::chrono::steady_clock::now();
    found += compare(codes, typed, kRounds);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    times[kind].push_back(took.count() / kRounds);
  }
  const double random_t = welch_t(times[kRight], times[kRandom]);
  const double near_t = welch_t(times[kRight], times[kNear]);
  constexpr double kLeak = 4.5;  // The threshold of that paper's test.
  std::printf("comparison with all codes, %zu tries of each kind (found: %llu)\n", tries,
              static_cast<unsigned long long>(found));
  const char* const names[] = {"right", "wrong", "one digit wrong"};
  for (std::size_t kind = 0; kind < times.size(); ++kind) {
    auto& values = times[kind];
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    std::printf("  %-16s median %7.1f ns\n", names[kind], values[values.size() / 2]);
  }
  std::printf("  Welch's t: right against wrong %+.2f, right against one digit wrong %+.2f; a leak is beyond %.1f\n",
              random_t, near_t, kLeak);
  if (tries < kTriesToJudge) {
    std::printf("  (not judged: %zu tries of a kind say nothing)\n", tries);
    return true;
  }
  return std::abs(random_t) < kLeak && std::abs(near_t) < kLeak;
}

/// A person with a watch at the panel.
bool answer_times(Station& station, Prng& prng, std::uint64_t tries) {
  Answers right;
  Answers wrong;
  std::uint64_t of_right = 0;
  for (std::uint64_t i = 0; i < tries; ++i) {
    const auto code = prng.below(2) == 0 ? station.some_code(prng) : digits_of(prng.below(kCodesInAll));
    const bool is_right = station.is_live(code);
    of_right += is_right ? 1 : 0;
    answer(station, code, is_right ? right : wrong);
  }
  const auto mean = [](std::uint64_t sum, std::uint64_t count) {
    return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count);
  };
  const auto line = [&](const char* name, const Answers& answers, std::uint64_t count) {
    std::printf("  %-6s %8llu tries, from # until the panel answers %lld .. %lld us, %.3f flash programs\n", name,
                static_cast<unsigned long long>(count), static_cast<long long>(answers.us_min),
                static_cast<long long>(answers.us_max), mean(answers.programs, count));
  };
  std::printf("at the panel, in the station's time\n");
  line("right", right, of_right);
  line("wrong", wrong, tries - of_right);
  // Programs differ in what is written, never in which code it was; 0.7 ms each, before a verdict that is shown anyway.
  return right.us_min == wrong.us_min && right.us_max == wrong.us_max;
}

/// 0: not a number from 1.
std::uint64_t number(const char* text) {
  char* end = nullptr;
  const auto value = std::strtoull(text, &end, 10);
  return *end == '\0' ? value : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t guesses = argc > 1 ? number(argv[1]) : 1'000'000;
  const std::uint64_t tries = argc > 2 ? number(argv[2]) : 10'000;
  const std::uint64_t seed = argc > 3 ? number(argv[3]) : 20'260'301;
  if (argc > 4 || guesses == 0 || tries == 0 || seed == 0) {
    std::fprintf(stderr, "usage: cubby-code-drill [GUESSES [TRIES [SEED]]]   e.g. 1000000 10000 20260301\n");
    return 2;
  }
  std::printf("replay: cubby-code-drill %llu %llu %llu\n", static_cast<unsigned long long>(guesses),
              static_cast<unsigned long long>(tries), static_cast<unsigned long long>(seed));
  Prng prng(seed);
  Station station;
  const bool safe = drill(station, prng, guesses);
  const bool silent_times = compare_times(prng, tries);
  const bool silent_panel = answer_times(station, prng, tries);
  std::printf("%s\n", silent_times && silent_panel ? "time does not tell a right code from a wrong one"
                                                   : "TIME TELLS a right code from a wrong one");
  return safe && silent_times && silent_panel ? 0 : 1;
}
