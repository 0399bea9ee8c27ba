#include "emulator/hardware/boards/board_profile.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>
#include <vector>

namespace cubby::emulator {
namespace {

constexpr unsigned kP1 = 1U << static_cast<unsigned>(BoardFamily::kP1);
constexpr unsigned kP2 = 1U << static_cast<unsigned>(BoardFamily::kP2);
constexpr unsigned kP5 = 1U << static_cast<unsigned>(BoardFamily::kP5);
constexpr unsigned kP6 = 1U << static_cast<unsigned>(BoardFamily::kP6);
constexpr unsigned kP7 = 1U << static_cast<unsigned>(BoardFamily::kP7);
constexpr unsigned kEach = kP1 | kP2 | kP5 | kP6 | kP7;

/// A lock's number has four bits.
constexpr unsigned kNumbersP2 = 16;

/// What a setting can be: words, or the numbers of a list, or numbers of a range.
struct Allowed {
  std::vector<std::string_view> words;
  std::vector<std::uint32_t> numbers;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
};

struct Setting {
  std::string_view name;
  unsigned families;
  std::uint32_t (*get)(const BoardProfile&);  // Index of the word, or the number.
  void (*set)(BoardProfile&, std::uint32_t);
  Allowed (*allowed)(BoardFamily);
};

Allowed words(std::vector<std::string_view> names) {
  return {std::move(names), {}, 0, 0};
}
Allowed range(std::uint32_t low, std::uint32_t high) {
  return {{}, {}, low, high};
}
Allowed list(std::vector<std::uint32_t> numbers) {
  return {{}, std::move(numbers), 0, 0};
}

Allowed switch_words(BoardFamily) {
  return words({"off", "on"});
}

Allowed bauds(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP2:
      return list({9600, 19200, 57600, 115200});
    case BoardFamily::kP5:
      return list({4800, 9600, 19200, 38400, 57600, 115200});
    case BoardFamily::kP1:
    case BoardFamily::kP6:
    case BoardFamily::kP7:
      break;
  }
  return list({4800, 9600, 19200, 38400});
}

Allowed addresses(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return range(1, 31);
    case BoardFamily::kP2:
    case BoardFamily::kP6:
      return range(family == BoardFamily::kP2 ? 0 : 1, 15);
    case BoardFamily::kP5:
      return range(1, 247);
    case BoardFamily::kP7:
      break;
  }
  return range(0, 31);
}

Allowed channel_counts(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return list({8, 12, 18, 24, 32, 50});
    case BoardFamily::kP2:
      return list({12, 16});
    case BoardFamily::kP5:
      return list({8});
    case BoardFamily::kP6:
      return list({12, 24});
    case BoardFamily::kP7:
      break;
  }
  return list({8, 12, 16, 24, 32, 48});
}

// In the order in which settings_of() lists them.
constexpr Setting kSettings[] = {
    {"baud", kEach, [](const BoardProfile& p) { return p.baud; },
     [](BoardProfile& p, std::uint32_t value) { p.baud = value; }, bauds},
    {"address", kEach, [](const BoardProfile& p) { return std::uint32_t{p.address}; },
     [](BoardProfile& p, std::uint32_t value) { p.address = static_cast<std::uint8_t>(value); }, addresses},
    {"channels", kEach, [](const BoardProfile& p) { return std::uint32_t{p.channels}; },
     [](BoardProfile& p, std::uint32_t value) { p.channels = static_cast<std::uint8_t>(value); }, channel_counts},
    {"first_channel", kP1 | kP2 | kP6 | kP7, [](const BoardProfile& p) { return std::uint32_t{p.first_channel}; },
     [](BoardProfile& p, std::uint32_t value) { p.first_channel = static_cast<std::uint8_t>(value); },
     [](BoardFamily) {
       return list({0, 1});
     }},
    {"status_order", kP1, [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.status_order); },
     [](BoardProfile& p, std::uint32_t value) { p.status_order = static_cast<StatusOrder>(value); },
     [](BoardFamily) {
       return words({"first", "last"});
     }},
    {"unlock_order", kP1, [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.unlock_order); },
     [](BoardProfile& p, std::uint32_t value) { p.unlock_order = static_cast<StatusOrder>(value); },
     [](BoardFamily) {
       return words({"first", "last"});
     }},
    {"closed_bit", kP2 | kP5, [](const BoardProfile& p) { return std::uint32_t{p.closed_bit}; },
     [](BoardProfile& p, std::uint32_t value) { p.closed_bit = static_cast<std::uint8_t>(value); },
     [](BoardFamily) {
       return list({0, 1});
     }},
    {"feedback", kP1, [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.feedback); },
     [](BoardProfile& p, std::uint32_t value) { p.feedback = static_cast<Feedback>(value); },
     [](BoardFamily) {
       return words({"closing", "opening"});
     }},
    {"unlock_reply", kP1 | kP2 | kP6 | kP7,
     [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.unlock_reply); },
     [](BoardProfile& p, std::uint32_t value) { p.unlock_reply = static_cast<UnlockReply>(value); },
     [](BoardFamily) {
       return words({"none", "status", "late"});
     }},
    {"unlock_reply_ms", kP1 | kP2 | kP6 | kP7, [](const BoardProfile& p) { return p.unlock_reply_ms; },
     [](BoardProfile& p, std::uint32_t value) { p.unlock_reply_ms = value; },
     [](BoardFamily) { return range(0, 10'000); }},
    {"reply_form", kP6, [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.reply_form); },
     [](BoardProfile& p, std::uint32_t value) { p.reply_form = static_cast<ReplyForm>(value); },
     [](BoardFamily) {
       return words({"A", "B"});
     }},
    {"pulse_ms", kP1 | kP2 | kP6 | kP7, [](const BoardProfile& p) { return p.pulse_ms; },
     [](BoardProfile& p, std::uint32_t value) { p.pulse_ms = value; }, [](BoardFamily) { return range(10, 60'000); }},
    {"local_echo", kEach, [](const BoardProfile& p) { return p.local_echo ? 1U : 0U; },
     [](BoardProfile& p, std::uint32_t value) { p.local_echo = value != 0; }, switch_words},
    {"garbage_prefix", kEach, [](const BoardProfile& p) { return p.garbage_prefix ? 1U : 0U; },
     [](BoardProfile& p, std::uint32_t value) { p.garbage_prefix = value != 0; }, switch_words},
    {"busy_after_unlock_ms", kEach, [](const BoardProfile& p) { return p.busy_after_unlock_ms; },
     [](BoardProfile& p, std::uint32_t value) { p.busy_after_unlock_ms = value; },
     [](BoardFamily) { return range(0, 5'000); }},
    {"unsolicited", kP1 | kP7, [](const BoardProfile& p) { return p.unsolicited ? 1U : 0U; },
     [](BoardProfile& p, std::uint32_t value) { p.unsolicited = value != 0; }, switch_words},
    {"open_all", kP1 | kP2 | kP6, [](const BoardProfile& p) { return static_cast<std::uint32_t>(p.open_all); },
     [](BoardProfile& p, std::uint32_t value) { p.open_all = static_cast<OpenAll>(value); },
     [](BoardFamily) {
       return words({"sequential", "simultaneous"});
     }},
    {"open_all_step_ms", kP1 | kP2 | kP6 | kP7, [](const BoardProfile& p) { return p.open_all_step_ms; },
     [](BoardProfile& p, std::uint32_t value) { p.open_all_step_ms = value; },
     [](BoardFamily) { return range(10, 10'000); }},
};

bool has(const Setting& setting, BoardFamily family) {
  return (setting.families >> static_cast<unsigned>(family) & 1U) != 0;
}

template <typename Range, typename Text>
std::string joined(const Range& items, std::string_view last, Text text) {
  std::string all;
  std::size_t left = std::size(items);
  for (const auto& item : items) {
    all += text(item);
    --left;
    all += left > 1 ? ", " : left == 1 ? last : std::string_view();
  }
  return all;
}

std::string describe(const Allowed& allowed) {
  if (!allowed.words.empty()) {
    return joined(allowed.words, " or ", [](std::string_view word) { return std::string(word); });
  }
  if (!allowed.numbers.empty()) {
    return joined(allowed.numbers, " or ", [](std::uint32_t number) { return std::to_string(number); });
  }
  return "a whole number from " + std::to_string(allowed.low) + " to " + std::to_string(allowed.high);
}

std::optional<std::uint32_t> read(const Allowed& allowed, std::string_view text) {
  if (!allowed.words.empty()) {
    const auto found = std::find(allowed.words.begin(), allowed.words.end(), text);
    return found == allowed.words.end() ? std::nullopt
                                        : std::optional(static_cast<std::uint32_t>(found - allowed.words.begin()));
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  const bool good = allowed.numbers.empty()
                        ? value >= allowed.low && value <= allowed.high
                        : std::find(allowed.numbers.begin(), allowed.numbers.end(), value) != allowed.numbers.end();
  return good ? std::optional(value) : std::nullopt;
}

std::string names_of(BoardFamily family) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) {
    if (has(setting, family)) {
      names.push_back(setting.name);
    }
  }
  return joined(names, " and ", [](std::string_view name) { return std::string(name); });
}

}  // namespace

BoardProfile default_profile(BoardFamily family) {
  BoardProfile profile;
  profile.family = family;
  switch (family) {
    case BoardFamily::kP1:
      break;
    case BoardFamily::kP2:
      profile.baud = 19200;
      profile.address = 0;
      profile.channels = 16;
      profile.first_channel = 0;
      profile.unlock_reply = UnlockReply::kNone;
      profile.unlock_reply_ms = 200;
      profile.pulse_ms = 500;
      profile.busy_after_unlock_ms = 15;
      profile.open_all_step_ms = 600;
      break;
    case BoardFamily::kP5:
      profile.first_channel = 0;
      break;
    case BoardFamily::kP6:
      profile.channels = 12;
      profile.unlock_reply_ms = 200;
      profile.pulse_ms = 150;
      profile.open_all_step_ms = 250;
      break;
    case BoardFamily::kP7:
      profile.address = 0;
      profile.channels = 24;
      profile.unlock_reply_ms = 400;
      break;
  }
  return profile;
}

std::string apply_setting(BoardProfile& profile, std::string_view setting) {
  const std::size_t equals = setting.find('=');
  const std::string family(to_string(profile.family));
  if (equals == std::string_view::npos || equals == 0) {
    return "'" + std::string(setting) + "' is not name=value; " + family + " has " + names_of(profile.family);
  }
  const std::string name(setting.substr(0, equals));
  const std::string_view value = setting.substr(equals + 1);
  const auto found = std::find_if(std::begin(kSettings), std::end(kSettings), [&](const Setting& candidate) {
    return candidate.name == name && has(candidate, profile.family);
  });
  if (found == std::end(kSettings)) {
    return family + " has no setting '" + name + "'; it has " + names_of(profile.family);
  }
  const Allowed allowed = found->allowed(profile.family);
  const std::optional<std::uint32_t> number = read(allowed, value);
  if (!number.has_value()) {
    return name + "=" + std::string(value) + ": " + family + " takes " + describe(allowed);
  }
  found->set(profile, *number);
  return {};
}

std::string profile_problem(const BoardProfile& profile) {
  for (const Setting& setting : kSettings) {
    if (!has(setting, profile.family)) {
      continue;
    }
    const Allowed allowed = setting.allowed(profile.family);
    const std::uint32_t value = setting.get(profile);
    const bool good =
        !allowed.words.empty() ? value < allowed.words.size() : read(allowed, std::to_string(value)).has_value();
    if (!good) {
      return std::string(setting.name) + "=" + std::to_string(value) + ": " + std::string(to_string(profile.family)) +
             " takes " + describe(allowed);
    }
  }
  if (profile.family == BoardFamily::kP2 && profile.first_channel + profile.channels > kNumbersP2) {
    return "first_channel=1: p2 has four bits for a lock's number and none for a sixteenth; set channels=12 too";
  }
  return {};
}

std::string settings_of(const BoardProfile& profile) {
  std::string text;
  for (const Setting& setting : kSettings) {
    if (!has(setting, profile.family)) {
      continue;
    }
    const Allowed allowed = setting.allowed(profile.family);
    const std::uint32_t value = setting.get(profile);
    text += (text.empty() ? "" : " ") + std::string(setting.name) + "=";
    text += value < allowed.words.size() ? std::string(allowed.words[value]) : std::to_string(value);
  }
  return text;
}

}  // namespace cubby::emulator
