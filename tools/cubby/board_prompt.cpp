#include "tools/cubby/board_prompt.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "tools/cubby/board_prompt_line.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

using emulator::Cabinet;
using emulator::DoorNewsKind;
using emulator::DoorRack;
using emulator::LockKind;
using emulator::RackDoor;
using emulator::SwitchFault;

constexpr std::size_t kWordsMax = 16;
constexpr std::uint64_t kUnplugMinMs = 1'000;
constexpr std::uint64_t kUnplugMaxMs = 3'600'000;

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
    answer.text += (i == 0 ? "board " : "\nboard ") + std::to_string(i + 1) + ": " +
                   std::string(to_string(profile.family)) + " " + settings_of(profile) + "; doors " +
                   std::to_string(cabinet.first_door(i) + 1) + " to " +
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

PromptAnswer change_lock(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  if (words.size() != 3 || (words[2] != "driven" && words[2] != "spring")) {
    return refuse("lock takes a door and what locks it: lock 3 driven, or lock 3 spring");
  }
  cabinet.doors().set_kind(index, words[2] == "driven" ? LockKind::kDriven : LockKind::kSpringLatch, now);
  return {describe_door(cabinet, index, now), true, false};
}

// Every word after the verb is a door. Empty: one is none.
std::vector<std::size_t> doors_in(const Cabinet& cabinet, const std::vector<std::string>& words) {
  std::vector<std::size_t> doors;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto door = door_in(cabinet, words[i]);
    if (!door.has_value()) {
      return {};
    }
    doors.push_back(*door);
  }
  return doors;
}

PromptAnswer group(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  const Status status = cabinet.doors().group(doors_in(cabinet, words));
  if (status == Status::kWrongState) {
    return refuse("group takes doors that are shut, empty and in no other group");
  }
  if (status != Status::kOk) {
    return refuse("group takes 2 to " + std::to_string(DoorRack::kGroupMax) + " different doors, 1 to " +
                  std::to_string(cabinet.doors().size()) + ": group 3 4");
  }
  return {describe_door(cabinet, index, now), true, false};
}

PromptAnswer swap(Cabinet& cabinet, const std::vector<std::string>& words) {
  const std::vector<std::size_t> doors = doors_in(cabinet, words);
  if (doors.size() != 2 || cabinet.doors().swap_wires(doors[0], doors[1]) != Status::kOk) {
    return refuse("swap takes two doors, 1 to " + std::to_string(cabinet.doors().size()) + ": swap 3 4");
  }
  return {"the wires at " + words[1] + " and " + words[2] + " are exchanged", true, false};
}

PromptAnswer temperature(Cabinet& cabinet, const std::vector<std::string>& words) {
  if (words.size() > 1) {
    int celsius = 0;
    const std::string& word = words[1];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), celsius);
    if (words.size() != 2 || error != std::errc() || end != word.data() + word.size() ||
        celsius < DoorRack::kTemperatureMin || celsius > DoorRack::kTemperatureMax) {
      return refuse("temperature takes whole degrees Celsius, " + std::to_string(DoorRack::kTemperatureMin) + " to " +
                    std::to_string(DoorRack::kTemperatureMax) + ": temperature -15");
    }
    cabinet.doors().set_temperature(celsius);
  }
  return {"the cabinet is at " + std::to_string(cabinet.doors().temperature()) + " C", true, false};
}

PromptAnswer unplug(const std::vector<std::string>& words) {
  const auto length_ms = words.size() == 2 ? parse_duration_ms(words[1]) : std::nullopt;
  if (!length_ms.has_value() || *length_ms < kUnplugMinMs || *length_ms > kUnplugMaxMs) {
    return refuse("unplug takes a time, 1s to 1h: unplug 5s");
  }
  return {"the adapter is unplugged for " + words[1], true, false, *length_ms};
}

PromptAnswer obey_alone(Cabinet& cabinet, const std::string& verb, Instant now) {
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

bool has(const std::vector<std::string>& orders, const std::string& verb) {
  return std::find(orders.begin(), orders.end(), verb) != orders.end();
}

PromptAnswer obey_door_alone(Cabinet& cabinet, const std::string& verb, std::size_t index, Instant now) {
  DoorRack& doors = cabinet.doors();
  if (verb == "open") {
    return outcome(cabinet, doors.force_open(index, now), "is open already", index, now);
  }
  if (verb == "shut") {
    return outcome(cabinet, doors.push_shut(index, now), "is shut already", index, now);
  }
  if (verb == "pull") {
    return outcome(cabinet, doors.pull_open(index, now), "is open already, locked or jammed", index, now);
  }
  if (verb == "put") {
    return outcome(cabinet, doors.put_item(index), "is shut, or has a parcel behind it", index, now);
  }
  if (verb == "take") {
    return outcome(cabinet, doors.take_item(index), "is shut, or has nothing behind it", index, now);
  }
  if (verb == "ungroup") {
    return outcome(cabinet, doors.ungroup(index), "is in no group, open, or has a parcel behind it", index, now);
  }
  if (verb == "wear") {
    doors.set_worn(index, true);
  } else if (verb == "loosen") {
    doors.set_switch_fault(index, SwitchFault::kIntermittent);
  } else {
    doors.mend(index, now);
  }
  return {describe_door(cabinet, index, now), true, false};
}

PromptAnswer obey_door(Cabinet& cabinet, const std::vector<std::string>& words, std::size_t index, Instant now) {
  const std::string& verb = words[0];
  if (verb == "jam") {
    return jam(cabinet, words, index, now);
  }
  if (verb == "stick") {
    return stick(cabinet, words, index, now);
  }
  if (verb == "lock") {
    return change_lock(cabinet, words, index, now);
  }
  if (verb == "group") {
    return group(cabinet, words, index, now);
  }
  if (verb == "swap") {
    return swap(cabinet, words);
  }
  if (words.size() != 2) {
    return refuse(verb + " takes a door and nothing else");
  }
  return obey_door_alone(cabinet, verb, index, now);
}

std::string describe_lock(const Cabinet& cabinet, std::size_t index) {
  const RackDoor& lock = cabinet.doors().door(index);
  std::string text = lock.kind == LockKind::kDriven ? ", driven lock" : "";
  text += lock.kind == LockKind::kDriven && lock.let_go_at.has_value() ? " with its bolt back" : "";
  text += lock.powered ? ", coil on" : "";
  text += lock.burnt ? ", coil burnt" : "";
  text += lock.ice.value_or(0) > 0 ? ", frozen" : "";
  text += lock.worn ? ", latch worn" : "";
  switch (lock.fault) {
    case SwitchFault::kNone:
      break;
    case SwitchFault::kStuckOpen:
      text += ", switch stuck at open";
      break;
    case SwitchFault::kStuckShut:
      text += ", switch stuck at shut";
      break;
    case SwitchFault::kIntermittent:
      text += ", switch has a loose wire";
      break;
  }
  return text;
}

}  // namespace

std::string prompt_help() {
  return "open N        force door N open, without any command\n"
         "shut N        push it shut\n"
         "put N, take N put a parcel in at the open door, or take it out\n"
         "jam N [10s]   its bolt does not move, for that long or until it is mended\n"
         "stick N open  its switch says so for ever; or: stick N shut\n"
         "loosen N      its switch reads wrong now and then\n"
         "wear N        its latch does not hold any more\n"
         "mend N        no jam, no ice, no fault, a new coil\n"
         "lock N driven a bolt that a motor draws back in 600 ms without a pause; or: lock N spring\n"
         "pull N        pull it open, once its bolts are back\n"
         "group N M ... several locks on one door: it moves if all let go within 2 s\n"
         "ungroup N     each of its locks has its own door again\n"
         "swap N M      exchange the wires of two doors\n"
         "temperature C of the cabinet; colder than -10, doors freeze and come free after 2 to 4 pulses\n" +
         line_help() +
         "unplug 5s     the host's adapter is gone for that long, and comes back under another name\n"
         "doors, boards how they are\n"
         "power-cycle   the supply is gone and back\n"
         "quit";
}

std::string describe_door(const Cabinet& cabinet, std::size_t index, Instant now) {
  const std::size_t board = board_of(cabinet, index);
  const emulator::BoardProfile& profile = cabinet.board(board).profile();
  const RackDoor& body = cabinet.doors().body(index);
  std::string text = "door " + std::to_string(index + 1) + " (" + std::string(to_string(profile.family)) + " board " +
                     std::to_string(profile.address) + ", channel " +
                     std::to_string(index - cabinet.first_door(board) + profile.first_channel) + "): ";
  text += body.door.shut ? "shut" : "open";
  text += body.item ? ", holds a parcel" : "";
  text += now < body.door.jam_until ? ", jammed" : "";
  text += describe_lock(cabinet, index);
  const std::vector<std::size_t> locks = cabinet.doors().locks_of(index);
  for (std::size_t i = 0, others = 0; locks.size() > 1 && i < locks.size(); ++i) {
    if (locks[i] != index) {
      text += (others++ == 0 ? ", one door with " : " and ") + std::to_string(locks[i] + 1);
    }
  }
  return text;
}

std::string describe_news(const emulator::DoorNews& news) {
  std::string door = "door " + std::to_string(news.door + 1) + " ";
  switch (news.kind) {
    case DoorNewsKind::kOpened:
      return door + "opens";
    case DoorNewsKind::kForced:
      return door + "is forced open";
    case DoorNewsKind::kPulled:
      return door + "is pulled open";
    case DoorNewsKind::kShut:
      return door + "is pushed shut";
    case DoorNewsKind::kDidNotMove:
      return door + "does not move";
    case DoorNewsKind::kLetGo:
      return "lock " + std::to_string(news.door + 1) + " lets go";
    case DoorNewsKind::kCoilBurnt:
      return door + "burns its coil";
  }
  return door;
}

PromptAnswer obey_replay_prompt(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  if (!words.empty() && words[0] == "unplug") {
    return unplug(words);
  }
  const bool quit = words.size() == 1 && words[0] == "quit";
  return {quit ? "" : "a replay has no doors: not supported", quit, quit};
}

PromptAnswer obey_prompt(Cabinet& cabinet, std::string_view line, Instant now) {
  const std::vector<std::string> words = words_of(line);
  const std::vector<std::string> alone{"doors", "boards", "power-cycle", "quit", "help"};
  const std::vector<std::string> at_a_door{"open", "shut", "put",  "take", "jam",   "stick",   "loosen",
                                           "wear", "mend", "lock", "pull", "group", "ungroup", "swap"};
  if (words.empty()) {
    return {};
  }
  const std::string& verb = words[0];
  if (has(at_a_door, verb)) {
    const auto index = words.size() < 2 ? std::nullopt : door_in(cabinet, words[1]);
    if (!index.has_value()) {
      return refuse(verb + " takes a door, 1 to " + std::to_string(cabinet.doors().size()) +
                    (words.size() < 2 ? "" : ", not '" + words[1] + "'"));
    }
    return obey_door(cabinet, words, *index, now);
  }
  if (has(line_orders(), verb)) {
    return obey_line(cabinet, words, now);
  }
  if (verb == "temperature") {
    return temperature(cabinet, words);
  }
  if (verb == "unplug") {
    return unplug(words);
  }
  if (has(alone, verb)) {
    return words.size() == 1 ? obey_alone(cabinet, verb, now) : refuse(verb + " stands alone");
  }
  std::vector<std::string> known{"temperature", "unplug"};
  for (const auto& some : {alone, at_a_door, line_orders()}) {
    known.insert(known.end(), some.begin(), some.end());
  }
  const std::string close = nearest(verb, known);
  return refuse("'" + verb + "' is not known here" +
                (close.empty() ? "; help lists what is" : "; did you mean " + close + "?"));
}

}  // namespace cubby::tools
