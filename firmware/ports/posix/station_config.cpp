#include "firmware/ports/posix/station_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "firmware/core/board_settings.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::posix {
namespace {

template <std::size_t Size>
void copy_text(char (&to)[Size], const std::string& from) {
  const std::size_t size = std::min(from.size(), Size - 1);
  std::copy_n(from.begin(), size, to);
  to[size] = '\0';
}

/// "+08:00" or "-03:30" in minutes.
std::optional<std::int32_t> minutes_of(const std::string& text) {
  int hours = 0;
  int minutes = 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      std::from_chars(text.data() + 1, text.data() + 3, hours).ptr != text.data() + 3 ||
      std::from_chars(text.data() + 4, text.data() + 6, minutes).ptr != text.data() + 6 || minutes > 59) {
    return std::nullopt;
  }
  const int offset = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  return offset >= limits::kUtcOffsetMinMin && offset <= limits::kUtcOffsetMinMax ? std::optional(offset)
                                                                                  : std::nullopt;
}

/// "1-8" or "1-4,7": numbers from 1 to `most`; nullopt: not of that form.
std::optional<std::vector<std::uint32_t>> numbers_of(const std::string& text, std::uint32_t most) {
  std::vector<std::uint32_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint32_t first = 0;
    auto parsed = std::from_chars(at, end, first);
    std::uint32_t last = first;
    if (parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
    }
    if (parsed.ec != std::errc{} || first < 1 || last < first || last > most) {
      return std::nullopt;
    }
    for (std::uint32_t number = first; number <= last; ++number) {
      numbers.push_back(number);
    }
    at = parsed.ptr;
    if (at != end && *at++ != ',') {
      return std::nullopt;
    }
  }
  return numbers.empty() ? std::nullopt : std::optional(numbers);
}

void read_place(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  TomlTable station(root["station"].as_table(), "[station]", problems);
  std::string text;
  station.need("name");
  if (station.text("name", text)) {
    copy_text(config.station, text);
    if (!is_station_name(text)) {
      station.complain("name", "'name' must be 1 to 32 of A-Z, 0-9 and '-'");
    }
  }
  station.need("city");
  if (station.text("city", text)) {
    copy_text(config.city, text);
    if (text.empty() || text.size() > limits::kCityNameMax) {
      station.complain("city", "'city' must be 1 to 32 bytes");
    }
  }
  config.version = 1;
  station.integer("version", {.low = 1, .high = UINT32_MAX}, config.version);
  station.need("utc_offset");
  if (station.text("utc_offset", text)) {
    const auto minutes = minutes_of(text);
    config.utc_offset_min = minutes.value_or(0);
    if (!minutes.has_value()) {
      station.complain("utc_offset", "'utc_offset' must be as \"+08:00\", from -12:00 to +14:00");
    }
  }
  config.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_ENGLISH;
  if (const auto language = station.word("language", {"english", "chinese"}); language.has_value()) {
    config.language = static_cast<cubby_v1_PanelLanguage>(*language + cubby_v1_PanelLanguage_PANEL_LANGUAGE_ENGLISH);
  }
  config.code_digits = limits::kCodeDigits;
  station.integer("code_digits", {.low = limits::kShortCodeDigits, .high = limits::kCodeDigits}, config.code_digits);
  if (config.code_digits == 7) {
    station.complain("code_digits", "'code_digits' must be 6 or 8");
  }
  config.lock_pulse_ms = 300;
  station.integer("lock_pulse_ms", {.low = 100, .high = 1000}, config.lock_pulse_ms);
  if (config.lock_pulse_ms % 100 != 0) {
    station.complain("lock_pulse_ms", "'lock_pulse_ms' must be a multiple of 100");
  }
  station.finish();
}

void read_rules(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  TomlTable rules(root["rules"].as_table(), "[rules]", problems);
  config.retention_h = 72;
  config.upsizing_steps = 2;
  config.response_deadline_s = 90;
  rules.integer("retention_h", {.low = 1, .high = limits::kRetentionHoursMax}, config.retention_h);
  rules.integer("upsizing_steps", {.low = 0, .high = limits::kUpsizingStepsMax}, config.upsizing_steps);
  rules.integer("report_interval_s", {.low = 0, .high = limits::kReportIntervalSMax}, config.report_interval_s);
  rules.integer("response_deadline_s", {.low = limits::kResponseDeadlineSMin, .high = limits::kResponseDeadlineSMax},
                config.response_deadline_s);
  rules.finish();
}

/// The tables of [[name]]; at most `most`.
std::vector<const toml::table*> tables_of(const toml::table& root, const char* name, std::size_t most,
                                          Problems& problems) {
  std::vector<const toml::table*> tables;
  const toml::array* list = root[name].as_array();
  if (list == nullptr || !list->is_array_of_tables()) {
    return tables;
  }
  for (const toml::node& node : *list) {
    if (tables.size() == most) {
      problems.add(node.source(), {}, "there are more than " + std::to_string(most) + " [[" + name + "]]");
      break;
    }
    tables.push_back(node.as_table());
  }
  return tables;
}

void read_brands(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  unsigned guaranteed = 0;
  for (const toml::table* table : tables_of(root, "brand", limits::kBrandsMax, problems)) {
    auto& brand = config.brands[config.brands_count++];
    TomlTable it(table, "brand " + std::to_string(config.brands_count), problems);
    std::string carrier;
    it.need("carrier");
    if (it.text("carrier", carrier) && !is_carrier_name(carrier)) {
      it.complain("carrier", "'carrier' must be 1 to 8 of a-z and 0-9");
    }
    copy_text(brand.carrier, carrier);
    it.integer("share_percent", {.low = 1, .high = 100}, brand.share_percent);
    it.integer("retention_h", {.low = 1, .high = limits::kRetentionHoursMax}, brand.retention_h);
    it.integer("guaranteed_percent", {.low = 1, .high = 100}, brand.guaranteed_percent);
    if (brand.share_percent != 0 && brand.guaranteed_percent > brand.share_percent) {
      it.complain("guaranteed_percent", "more is kept for '" + carrier + "' than its share");
    }
    guaranteed += brand.guaranteed_percent;
    if (guaranteed > 100) {
      it.complain("guaranteed_percent", "more than 100 percent are kept for brands");
    }
    for (pb_size_t i = 0; i + 1 < config.brands_count; ++i) {
      if (carrier == config.brands[i].carrier) {
        it.complain("carrier", "'" + carrier + "' is there twice");
      }
    }
    it.finish();
  }
}

void read_channels(TomlTable& it, BoardFamily family, cubby_v1_BoardConfig& board) {
  const auto known = core::models_of(family).channels;
  it.need("channels");
  if (!it.integer("channels", {.low = 1, .high = limits::kBoardChannelsMax}, board.channels) || known.empty() ||
      std::find(known.begin(), known.end(), board.channels) != known.end()) {
    return;
  }
  std::string models;
  for (const std::uint8_t model : known) {
    models += (models.empty() ? "" : ", ") + std::to_string(model);
  }
  it.complain("channels", std::string(to_string(family)) + " boards have " + models + " channels, not " +
                              std::to_string(board.channels));
}

void read_address(TomlTable& it, BoardFamily family, const cubby_v1_StationConfig& config,
                  cubby_v1_BoardConfig& board) {
  const core::BoardModels models = core::models_of(family);
  const std::string name(to_string(family));
  it.need("address");
  std::uint32_t address = 0;
  if (!it.integer("address", {.low = 0, .high = 247}, address)) {
    return;
  }
  board.address = static_cast<std::uint8_t>(address);
  if (address < models.address_low || address > models.address_high) {
    it.complain("address", name + " has addresses " + std::to_string(models.address_low) + " to " +
                               std::to_string(models.address_high) + ", not " + std::to_string(address));
  }
  const auto is_taken = [&](const cubby_v1_BoardConfig& other) {
    return &other != &board && other.family == board.family && other.address == address;
  };
  if (std::any_of(config.boards, config.boards + config.boards_count, is_taken)) {
    it.complain("address", "another " + name + " board has address " + std::to_string(address));
  }
}

/// How the board differs from others of its family; docs/spec/boards.md, "Profile".
void read_profile(TomlTable& it, BoardFamily family, cubby_v1_BoardConfig& board) {
  const bool p1 = family == BoardFamily::kP1;
  const bool p2 = family == BoardFamily::kP2;
  const bool p5 = family == BoardFamily::kP5;
  const auto only_if = [&](const char* key, bool has) {
    if (!has && it.has(key)) {
      it.complain(key, std::string(to_string(family)) + " boards have no '" + key + "'");
    }
  };
  board.has_first_channel = it.integer("first_channel", {.low = 0, .high = 1}, board.first_channel);
  only_if("first_channel", !p5);
  if (board.has_first_channel && p1 && board.first_channel == 0) {
    it.complain("first_channel", "channel 0 of p1 is \"all\" and is never sent; such a board is not supported");
  }
  if (board.has_first_channel && p2 && board.first_channel == 1 && board.channels == 16) {
    it.complain("first_channel", "counted from 1, p2 has no number for a sixteenth lock");
  }
  if (const auto order = it.word("status_order", {"first", "last"}); order.has_value()) {
    board.status_order = static_cast<cubby_v1_StatusOrder>(*order + cubby_v1_StatusOrder_STATUS_ORDER_FIRST);
  }
  only_if("status_order", p1);
  board.has_closed_bit = it.integer("closed_bit", {.low = 0, .high = 1}, board.closed_bit);
  only_if("closed_bit", p1 || p2 || p5);
  if (const auto reply = it.word("unlock_reply", {"none", "status", "late"}); reply.has_value()) {
    board.unlock_reply = static_cast<cubby_v1_UnlockReply>(*reply + cubby_v1_UnlockReply_UNLOCK_REPLY_NONE);
  }
  only_if("unlock_reply", !p5);
  it.integer("unlock_reply_ms", {.low = 1, .high = limits::kUnlockReplyMsMax}, board.unlock_reply_ms);
  only_if("unlock_reply_ms", !p5);
  const bool late = board.unlock_reply == cubby_v1_UnlockReply_UNLOCK_REPLY_LATE ||
                    (board.unlock_reply == cubby_v1_UnlockReply_UNLOCK_REPLY_UNSPECIFIED && !p2);
  if (!p5 && !late && it.has("unlock_reply_ms")) {
    it.complain("unlock_reply_ms", "'unlock_reply_ms' is of unlock_reply = \"late\"");
  }
}

/// How many inputs a board has: a switch a lock, and what some have for items.
std::uint32_t inputs_of(const cubby_v1_BoardConfig& board) {
  const auto settings = core::settings_of(board, 0);
  return static_cast<std::uint32_t>(drivers::lock_board(settings.family).input_count(settings));
}

/// A forced door has to be seen in time, however slow the boards are.
void judge_round(const cubby_v1_StationConfig& config, Problems& problems) {
  std::vector<drivers::BoardSettings> boards;
  for (pb_size_t i = 0; i < config.boards_count; ++i) {
    boards.push_back(core::settings_of(config.boards[i], config.lock_pulse_ms));
  }
  const std::int64_t byte_time_us = core::byte_time_us(config.bus_baud);
  if (drivers::DoorBank::round_for(boards, byte_time_us) >= limits::kForcedDoorSeenIn) {
    problems.add(
        "reading all boards takes so long that a forced door would be seen too late: " + std::to_string(boards.size()) +
        " boards, " + std::to_string(drivers::DoorBank::slot_for(boards, byte_time_us).ms()) +
        " ms each; use fewer boards on the segment");
  }
}

void read_boards(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  std::vector<std::string> names;
  for (const BoardFamily family : kBoardFamilies) {
    names.emplace_back(to_string(family));
  }
  for (const toml::table* table : tables_of(root, "board", limits::kBoardsMax, problems)) {
    auto& board = config.boards[config.boards_count++];
    TomlTable it(table, "board " + std::to_string(config.boards_count), problems);
    it.need("family");
    const auto word = it.word("family", names);
    if (!word.has_value()) {
      continue;  // What else it may say depends on it.
    }
    const BoardFamily family = kBoardFamilies[*word];
    board.family = static_cast<cubby_v1_BoardFamily>(family);
    read_address(it, family, config, board);
    read_channels(it, family, board);
    read_profile(it, family, board);
    it.finish();
  }
  if (config.boards_count == 0) {
    problems.add("there is no [[board]]");
  }
  if (problems.empty()) {
    judge_round(config, problems);
  }
}

/// Which inputs are taken, by board and channel.
using Used = std::array<std::uint64_t, limits::kBoardsMax>;

/// What a list of doors uses of one board: its locks, or its item sensors.
struct Wiring {
  const char* board_key;
  const char* channels_key;
  bool items;
};
constexpr Wiring kLocks{.board_key = "board", .channels_key = "channels", .items = false};
constexpr Wiring kItems{.board_key = "item_board", .channels_key = "item_channels", .items = true};

/// Channels of a board of this list of doors, each used once. Empty: something was wrong and was said.
std::vector<std::uint32_t> take_channels(TomlTable& it, const Wiring& wiring, const cubby_v1_StationConfig& config,
                                         Used& used, std::uint32_t& board) {
  const auto [board_key, channels_key, items] = wiring;
  std::string text;
  it.need(board_key);
  it.need(channels_key);
  if (!it.integer(board_key, {.low = 1, .high = config.boards_count}, board) || !it.text(channels_key, text)) {
    return {};
  }
  --board;
  const std::uint32_t most = items ? inputs_of(config.boards[board]) : config.boards[board].channels;
  auto numbers = numbers_of(text, most);
  if (!numbers.has_value()) {
    it.complain(channels_key,
                "'" + text + "' is not a list such as \"1-4,7\" of channels 1 to " + std::to_string(most));
    return {};
  }
  for (const std::uint32_t number : *numbers) {
    if ((used[board] >> (number - 1) & 1) != 0) {
      it.complain(channels_key,
                  "channel " + std::to_string(number) + " of board " + std::to_string(board + 1) + " is used twice");
      return {};
    }
    used[board] |= std::uint64_t{1} << (number - 1);
  }
  return *numbers;
}

std::optional<std::vector<std::uint8_t>> read_heights(TomlTable& it, std::size_t doors) {
  const toml::node* node = it.node("heights_cm");
  std::vector<std::uint8_t> heights;
  const auto take = [&](const toml::node& value) {
    const auto height = value.value_exact<std::int64_t>();
    if (height.has_value() && *height >= 0 && *height <= 250) {
      heights.push_back(static_cast<std::uint8_t>(*height));
    }
  };
  if (node != nullptr && node->is_array()) {
    std::for_each(node->as_array()->begin(), node->as_array()->end(), take);
  } else if (node != nullptr) {
    take(*node);
    heights.resize(heights.empty() ? 0 : doors, heights.empty() ? 0 : heights.front());
  }
  if (heights.size() != doors || (node != nullptr && node->is_array() && node->as_array()->size() != doors)) {
    it.complain("heights_cm", "'heights_cm' must be one number from 0 to 250, or a list of " + std::to_string(doors));
    return std::nullopt;
  }
  return heights;
}

void read_doors(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  constexpr std::string_view kSizes = "SMLX";
  Used used{};
  std::size_t count = 0;
  std::size_t number = 0;
  bool items = false;
  for (const toml::table* table : tables_of(root, "doors", limits::kCompartmentsMax, problems)) {
    TomlTable it(table, "doors " + std::to_string(++number), problems);
    std::uint32_t board = 0;
    std::string sizes;
    const auto channels = take_channels(it, kLocks, config, used, board);
    it.need("sizes");
    it.text("sizes", sizes);
    const auto heights = read_heights(it, channels.size());
    std::uint32_t item_board = 0;
    std::vector<std::uint32_t> item_channels;
    if (it.has("item_board") || it.has("item_channels")) {
      items = true;
      item_channels = take_channels(it, kItems, config, used, item_board);
      if (item_channels.size() != channels.size()) {
        it.complain("item_channels", "there must be one for each of the " + std::to_string(channels.size()) + " doors");
      }
    }
    if (sizes.size() != channels.size() || sizes.find_first_not_of(kSizes) != std::string::npos) {
      it.complain("sizes", "'sizes' must be a letter of S, M, L, X for each of the " + std::to_string(channels.size()) +
                               " doors");
    }
    it.finish();
    if (!problems.empty()) {
      continue;
    }
    if (count + channels.size() > limits::kCompartmentsMax) {
      it.complain("channels", "a station has at most " + std::to_string(limits::kCompartmentsMax) + " doors");
      return;
    }
    for (std::size_t i = 0; i < channels.size(); ++i, ++count) {
      config.door_board[count] = static_cast<std::uint8_t>(board);
      config.door_channel[count] = static_cast<std::uint8_t>(channels[i] - 1);
      config.door_size[count] = static_cast<cubby_v1_Size>(kSizes.find(sizes[i]) + cubby_v1_Size_SIZE_S);
      config.door_height_cm[count] = (*heights)[i];
      config.door_item_board[count] = static_cast<std::uint8_t>(item_channels.empty() ? 0 : item_board);
      config.door_item_channel[count] = static_cast<std::uint8_t>(item_channels.empty() ? 0 : item_channels[i]);
    }
  }
  if (number == 0) {
    problems.add("there is no [[doors]]");
  }
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count =
      static_cast<pb_size_t>(count);
  config.door_item_board_count = config.door_item_channel_count = items ? static_cast<pb_size_t>(count) : pb_size_t{0};
}

}  // namespace

void read_station(const toml::table& root, Problems& problems, cubby_v1_StationConfig& config) {
  read_place(root, problems, config);
  read_rules(root, problems, config);
  read_brands(root, problems, config);
  read_boards(root, problems, config);
  read_doors(root, problems, config);
}

}  // namespace cubby::posix
