#include "tools/cubby/board_prompt.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

using emulator::Cabinet;
using emulator::DoorNewsKind;
using emulator::RackDoor;
using emulator::SwitchFault;

constexpr std::size_t kWordsMax = 8;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(line) + ' ') {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      word += c;
    } else if (!word.empty() && words.size() < kWordsMax) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

PromptAnswer refuse(const std::string& why) {
  return {why, false, false};
}

std::size_t board_of(const Cabinet& cabinet, std::size_t index) {
  std::size_t board = 0;
  while (board + 1 < cabinet.board_count() && cabinet.first_door(board + 1) <= index) {
    ++board;
  }
  return board;
}

std::optional<std::size_t> door_in(const Cabinet& cabinet, const std::string& word) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool good =
      error == std::errc() && end == word.data() + word.size() && number >= 1 && number <= cabinet.doors().size();
  return good ? std::optional(number - 1) : std::nullopt;
}

PromptAnswer all_doors(const Cabinet& cabinet, Instant now) {
  PromptAnswer answer;
  for (std::size_t index = 0; index < cabinet.doors().size(); ++index) {
    answer.text += (index == 0 ? "" : "\n") + describe_door(cabinet, index, now);
  }
  return answer;
}

PromptAnswer all_boards(const Cabinet& cabinet) {
  PromptAnswer answer;
  for (std::size_t i = 0; i < cabinet.board_count(); ++i) {
    const emulator::BoardProfile& profile = cabinet.board(i).profile();
    answer.text += (i == 0 ? "" : "\n") + std::string(to_string(profile.family)) + " " + settings_of(profile) +
                   "; doors " + std::to_string(cabinet.first_door(i) + 1) + " to " +
                   std::to_string(cabinet.first_door(i) + profile.channels);
  }
  return answer;
}

PromptAnswer outcome(const Cabinet& cabinet, Status status, const std::string& why_not, std::size_t index,
                     Instant now) {
  if (status != Status::kOk) {
    return refuse("door " + std::to_string(index + 1) + " " + why_not);
  }
  return {describe_door(cabinet, index, now), true, false};
}

PromptAnswer jam(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  Instant until = Instant::max();
  if (words.size() == 3) {
    const auto length_ms = parse_duration_ms(words[2]);
    if (!length_ms.has_value()) {
      return refuse("'" + words[2] + "' is not a time such as 10s or 5m");
    }
    until = now + Duration::milliseconds(static_cast<std::int64_t>(*length_ms));
  }
  cabinet.doors().jam(index, until);
  return {describe_door(cabinet, index, now), true, false};
}

PromptAnswer stick(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  if (words.size() != 3 || (words[2] != "open" && words[2] != "shut")) {
    return refuse("stick takes a door and what its switch says for ever: stick 3 open, or stick 3 shut");
  }
  cabinet.doors().set_switch_fault(index, words[2] == "open" ? SwitchFault::kStuckOpen : SwitchFault::kStuckShut);
  return {describe_door(cabinet, index, now), true, false};
}

PromptAnswer obey_door(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  emulator::DoorRack& doors = cabinet.doors();
  const std::string& verb = words[0];
  if (verb == "jam") {
    return jam(cabinet, words, index, now);
  }
  if (verb == "stick") {
    return stick(cabinet, words, index, now);
  }
  if (words.size() != 2) {
    return refuse(verb + " takes a door and nothing else");
  }
  if (verb == "open") {
    return outcome(cabinet, doors.force_open(index, now), "is open already", index, now);
  }
  if (verb == "shut") {
    return outcome(cabinet, doors.push_shut(index, now), "is shut already", index, now);
  }
  if (verb == "put") {
    return outcome(cabinet, doors.put_item(index), "is shut, or has a parcel behind it", index, now);
  }
  if (verb == "take") {
    return outcome(cabinet, doors.take_item(index), "is shut, or has nothing behind it", index, now);
  }
  if (verb == "wear") {
    doors.set_worn(index, true);
  } else {
    doors.mend(index, now);
  }
  return {describe_door(cabinet, index, now), true, false};
}

}  // namespace

std::string prompt_help() {
  return "open N        force door N open, without any command\n"
         "shut N        push it shut\n"
         "put N, take N put a parcel in at the open door, or take it out\n"
         "jam N [10s]   its bolt does not move, for that long or until it is mended\n"
         "stick N open  its switch says so for ever; or: stick N shut\n"
         "wear N        its latch does not hold any more\n"
         "mend N        no jam, no fault, a new coil\n"
         "doors, boards how they are\n"
         "power-cycle   the supply is gone and back\n"
         "quit";
}

std::string describe_door(const Cabinet& cabinet, std::size_t index, Instant now) {
  const RackDoor& door = cabinet.doors().door(index);
  const std::size_t board = board_of(cabinet, index);
  const emulator::BoardProfile& profile = cabinet.board(board).profile();
  std::string text = "door " + std::to_string(index + 1) + " (" + std::string(to_string(profile.family)) + " board " +
                     std::to_string(profile.address) + ", channel " +
                     std::to_string(index - cabinet.first_door(board) + profile.first_channel) + "): ";
  text += door.door.shut ? "shut" : "open";
  text += door.item ? ", holds a parcel" : "";
  text += door.powered ? ", coil on" : "";
  text += door.burnt ? ", coil burnt" : "";
  text += now < door.door.jam_until ? ", jammed" : "";
  text += door.worn ? ", latch worn" : "";
  text += door.fault == SwitchFault::kStuckOpen ? ", switch stuck at open" : "";
  text += door.fault == SwitchFault::kStuckShut ? ", switch stuck at shut" : "";
  return text;
}

std::string describe_news(const emulator::DoorNews& news) {
  std::string door = "door " + std::to_string(news.door + 1) + " ";
  switch (news.kind) {
    case DoorNewsKind::kOpened:
      return door + "opens";
    case DoorNewsKind::kForced:
      return door + "is forced open";
    case DoorNewsKind::kShut:
      return door + "is pushed shut";
    case DoorNewsKind::kDidNotMove:
      return door + "does not move";
    case DoorNewsKind::kCoilBurnt:
      return door + "burns its coil";
  }
  return door;
}

PromptAnswer obey_prompt(Cabinet& cabinet, std::string_view line, Instant now) {
  const std::vector<std::string> words = words_of(line);
  const std::vector<std::string> alone{"doors", "boards", "power-cycle", "quit", "help"};
  const std::vector<std::string> at_a_door{"open", "shut", "put", "take", "jam", "stick", "wear", "mend"};
  if (words.empty()) {
    return {};
  }
  const std::string& verb = words[0];
  if (std::find(at_a_door.begin(), at_a_door.end(), verb) != at_a_door.end()) {
    const auto index = words.size() < 2 ? std::nullopt : door_in(cabinet, words[1]);
    if (!index.has_value()) {
      return refuse(verb + " takes a door, 1 to " + std::to_string(cabinet.doors().size()) +
                    (words.size() < 2 ? "" : ", not '" + words[1] + "'"));
    }
    return obey_door(cabinet, words, *index, now);
  }
  if (std::find(alone.begin(), alone.end(), verb) == alone.end()) {
    std::vector<std::string> known = alone;
    known.insert(known.end(), at_a_door.begin(), at_a_door.end());
    const std::string close = nearest(verb, known);
    return refuse("'" + verb + "' is not known here" +
                  (close.empty() ? "; help lists what is" : "; did you mean " + close + "?"));
  }
  if (words.size() != 1) {
    return refuse(verb + " stands alone");
  }
  if (verb == "doors") {
    return all_doors(cabinet, now);
  }
  if (verb == "boards") {
    return all_boards(cabinet);
  }
  if (verb == "power-cycle") {
    cabinet.power_cycle(now);
    return {"the boards start again", true, false};
  }
  return verb == "quit" ? PromptAnswer{"", true, true} : PromptAnswer{prompt_help(), true, false};
}

}  // namespace cubby::tools
