// TOML in, a checked profile or sentences out. Everything that is wrong is told at once.
#include <algorithm>
#include <map>
#include <tuple>

#include "emulator/scenario/profile_keys.h"
#include "emulator/scenario/profiles.h"
#include "firmware/base/names.h"
#include "firmware/base/nearest.h"
#include "firmware/toml/toml_text.h"

namespace cubby::emulator {
namespace {

constexpr std::size_t kRowsMax = 1'000;

/// Where a value stands. The settings come behind the text, in their order.
struct Place {
  std::size_t source = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string title;  // "file" or "--set key".

  auto order() const { return std::tuple(source, line, column); }
};

std::vector<std::string> all_keys() {
  std::vector<std::string> names;
  for (const auto& key : profile_keys()) {
    names.emplace_back(key.name);
  }
  for (const std::string_view list : {kCarriers, kCities, kLayouts, kRounds, kSeasons, kBase}) {
    names.emplace_back(list);
  }
  return names;
}

bool is_upper_or_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

class Reader {
 public:
  Reader(const ProfileRequest& request, Profile& profile) : request_(request), profile_(profile) {}
  std::vector<std::string> read();

 private:
  void read_text();
  void read_setting(std::size_t index);
  void read_table(const toml::table& table, bool all);
  void start_from(const toml::node& base);
  void check_places();
  void check_days();
  void check_parcels();

  template <typename Owner>
  void read_value(const toml::node& node, const ProfileKey<Owner>& key, Owner& owner);
  template <typename Row>
  void read_rows(const toml::node& node, std::string_view name, std::span<const ProfileKey<Row>> keys,
                 std::vector<Row>& rows);
  void read_carriers(const toml::node& node);

  Place place_of(const toml::source_region& region) const {
    return {.source = source_, .line = region.begin.line, .column = region.begin.column, .title = title_};
  }
  void complain(const Place& place, std::string what);
  void complain(const toml::node& node, std::string what) { complain(place_of(node.source()), std::move(what)); }
  /// About a value that was good by itself.
  void complain(std::string_view key, std::string what);
  void unknown(const toml::node& node, std::string_view key, const std::vector<std::string>& known);

  const ProfileRequest& request_;
  Profile& profile_;
  std::size_t source_ = 0;
  std::string title_;
  std::map<std::string, Place, std::less<>> set_at_;
  std::multimap<std::tuple<std::size_t, std::uint32_t, std::uint32_t>, std::string> problems_;
};

void Reader::complain(const Place& place, std::string what) {
  disarm(what);
  std::string where = place.title;
  if (place.line != 0 && place.source == 0) {
    where += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  }
  problems_.emplace(place.order(), where + ": " + what);
}

void Reader::complain(std::string_view key, std::string what) {
  const auto found = set_at_.find(key);
  complain(found != set_at_.end() ? found->second : Place{.source = 0, .line = 0, .column = 0, .title = request_.file},
           std::move(what));
}

void Reader::unknown(const toml::node& node, std::string_view key, const std::vector<std::string>& known) {
  const std::string close(nearest_name(key, known));
  complain(node, "unknown key '" + std::string(key) + "'" + (close.empty() ? "" : "; did you mean '" + close + "'?"));
}

template <typename Owner>
void Reader::read_value(const toml::node& node, const ProfileKey<Owner>& key, Owner& owner) {
  const std::string name = "'" + std::string(key.name) + "'";
  const std::string range = std::to_string(key.low) + " to " + std::to_string(key.high);
  const auto in_range = [&](const std::optional<std::int64_t>& number) {
    return number.has_value() && *number >= key.low && *number <= key.high;
  };
  switch (key.kind) {
    case KeyKind::kNumber: {
      const auto number = node.value_exact<std::int64_t>();
      return in_range(number) ? key.set(owner, *number)
                              : complain(node, name + " must be a whole number from " + range);
    }
    case KeyKind::kFlag: {
      const auto flag = node.value_exact<bool>();
      return flag.has_value() ? key.set(owner, *flag ? 1 : 0) : complain(node, name + " must be true or false");
    }
    case KeyKind::kWord: {
      const auto word = node.value_exact<std::string>();
      const auto found = std::find(key.words.begin(), key.words.end(), word.value_or(""));
      if (found != key.words.end()) {
        return key.set(owner, key.low + (found - key.words.begin()));
      }
      std::string all;
      for (const std::string_view known : key.words) {
        all += (all.empty() ? "" : ", ") + std::string(known);
      }
      return complain(node, name + " must be one of " + all);
    }
    case KeyKind::kDate: {
      const auto date = node.value_exact<toml::date>();
      const bool good = date.has_value() && date->year >= 1970 && date->year <= 2199;
      return good ? key.set(owner, days_of(date->year, date->month, date->day))
                  : complain(node, name + " must be a date from 1970-01-01 to 2199-12-31, without quotes");
    }
    case KeyKind::kText: {
      const auto text = node.value_exact<std::string>();
      const bool printable = text.has_value() && std::none_of(text->begin(), text->end(), [](char c) {
                               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
                             });
      if (!printable || !in_range(static_cast<std::int64_t>(text->size()))) {
        return complain(node, name + " must be a text of " + range + " bytes in quotes");
      }
      key.text(owner) = *text;
      return;
    }
    case KeyKind::kNumbers: {
      const toml::array* array = node.as_array();
      const auto values = key.numbers(owner);
      bool good = array != nullptr && array->size() == values.size();
      for (std::size_t i = 0; good && i < values.size(); ++i) {
        const auto number = array->get(i)->template value_exact<std::int64_t>();
        good = in_range(number);
        values[i] = static_cast<std::uint32_t>(number.value_or(0));
      }
      if (!good) {
        complain(node, name + " must be " + std::to_string(values.size()) + " whole numbers from " + range);
      }
      return;
    }
  }
}

template <typename Row>
void Reader::read_rows(const toml::node& node, std::string_view name, std::span<const ProfileKey<Row>> keys,
                       std::vector<Row>& rows) {
  const toml::array* array = node.as_array();
  if (array == nullptr || array->size() > kRowsMax) {
    return complain(node,
                    "'" + std::string(name) + "' must be a list of at most " + std::to_string(kRowsMax) + " tables");
  }
  std::vector<std::string> known;
  for (const ProfileKey<Row>& key : keys) {
    known.emplace_back(key.name);
  }
  rows.clear();
  for (const toml::node& item : *array) {
    const toml::table* table = item.as_table();
    if (table == nullptr) {
      complain(item, "an item of '" + std::string(name) + "' must be a table {...}");
      continue;
    }
    Row& row = rows.emplace_back();
    for (const ProfileKey<Row>& key : keys) {
      if (const toml::node* value = table->get(key.name); value != nullptr) {
        read_value(*value, key, row);
      } else if (!key.optional) {
        complain(item, "'" + std::string(key.name) + "' is missing in '" + std::string(name) + "'");
      }
    }
    for (const auto& [key, value] : *table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        unknown(value, key.str(), known);
      }
    }
  }
}

void Reader::read_carriers(const toml::node& node) {
  const toml::array* array = node.as_array();
  bool good = array != nullptr && !array->empty() && array->size() <= 35;
  profile_.carriers.clear();
  for (std::size_t i = 0; good && i < array->size(); ++i) {
    const std::string carrier = array->get(i)->value_exact<std::string>().value_or("");
    const auto& known = profile_.carriers;
    good = is_carrier_name(carrier) && std::find(known.begin(), known.end(), carrier) == known.end();
    profile_.carriers.push_back(carrier);
  }
  if (!good) {
    complain(node, "'carriers' must be 1 to 35 different names of 1 to 8 letters a-z and digits");
  }
}

void Reader::start_from(const toml::node& base) {
  const auto name = base.value_exact<std::string>();
  const auto names = profile_names();
  if (name.has_value() && std::find(names.begin(), names.end(), *name) != names.end() && *name != request_.name) {
    profile_ = *find_profile(*name);
    profile_.name = request_.name;
    return;
  }
  std::string all;
  for (const std::string& known : names) {
    all += (all.empty() ? "" : ", ") + known;
  }
  complain(base, "'base' must be one of " + all);
}

void Reader::read_table(const toml::table& table, bool all) {
  std::string missing;
  const auto each = [&](std::string_view name, const auto& read) {
    if (const toml::node* node = table.get(name); node != nullptr) {
      set_at_[std::string(name)] = place_of(node->source());
      read(*node);
    } else if (all) {
      missing += (missing.empty() ? "'" : ", '") + std::string(name) + "'";
    }
  };
  for (const auto& key : profile_keys()) {
    each(key.name, [&](const toml::node& node) { read_value(node, key, profile_); });
  }
  each(kCarriers, [&](const toml::node& node) { read_carriers(node); });
  each(kCities, [&](const toml::node& node) { read_rows(node, kCities, city_keys(), profile_.cities); });
  each(kLayouts, [&](const toml::node& node) { read_rows(node, kLayouts, layout_keys(), profile_.layouts); });
  each(kRounds, [&](const toml::node& node) { read_rows(node, kRounds, round_keys(), profile_.rounds); });
  each(kSeasons, [&](const toml::node& node) { read_rows(node, kSeasons, season_keys(), profile_.seasons); });
  if (!missing.empty()) {
    complain(std::string_view(), "there is no base = \"shanxi\" to take from what is missing: " + missing);
  }
  const auto known = all_keys();
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      unknown(value, key.str(), known);
    }
  }
}

void Reader::read_text() {
  title_ = request_.file;
  if (request_.text.size() > kProfileTextMax) {
    return complain(std::string_view(), "it is larger than " + std::to_string(kProfileTextMax / 1024) + " KiB");
  }
  const toml_text::Parsed parsed = toml_text::parse(request_.text);
  if (parsed.problem.has_value()) {
    const auto& [at, what] = *parsed.problem;
    return complain(Place{.source = source_, .line = at.line, .column = at.column, .title = title_}, what);
  }
  const toml::table& table = parsed.table;
  const toml::node* base = table.get(kBase);
  if (base != nullptr) {
    start_from(*base);
  }
  read_table(table, base == nullptr);
}

void Reader::read_setting(std::size_t index) {
  const std::string& setting = request_.settings[index];
  const std::size_t equals = setting.find('=');
  const std::string key = setting.substr(0, equals);
  source_ = index + 1;
  title_ = "--set " + key;
  disarm(title_);
  const Place place{.source = source_, .line = 0, .column = 0, .title = title_};
  if (equals == std::string::npos || key.empty() || setting.size() > kProfileTextMax) {
    return complain(place, "must be KEY=VALUE");
  }
  const auto known = all_keys();
  if (key == kBase || std::find(known.begin(), known.end(), key) == known.end()) {
    const std::string close(nearest_name(key, known));
    return complain(place, "unknown key" + (close.empty() || close == key ? "" : "; did you mean '" + close + "'?"));
  }
  const std::string value = setting.substr(equals + 1);
  toml_text::Parsed parsed = toml_text::parse(key + " = " + value);
  if (parsed.problem.has_value()) {
    parsed = toml_text::parse(key + " = '" + value + "'");  // A word without quotes.
  }
  if (parsed.problem.has_value() || parsed.table.size() != 1) {
    return complain(place, "the value cannot be read");
  }
  read_table(parsed.table, false);
}

void Reader::check_places() {
  const auto upper = [](const std::string& text) { return std::all_of(text.begin(), text.end(), is_upper_or_digit); };
  if (!upper(profile_.prefix)) {
    complain("prefix", "'prefix' must consist of A-Z and 0-9");
  }
  std::vector<std::string> codes;
  for (const ProfileCity& city : profile_.cities) {
    if (!upper(city.code) || std::find(codes.begin(), codes.end(), city.code) != codes.end()) {
      complain(kCities, "the codes of 'cities' must be different and consist of A-Z and 0-9, not '" + city.code + "'");
    }
    codes.push_back(city.code);
  }
  for (const ProfileLayout& layout : profile_.layouts) {
    if (layout.doors() == 0 || layout.doors() > limits::kCompartmentsMax) {
      complain(kLayouts, "a layout has 1 to " + std::to_string(limits::kCompartmentsMax) + " doors, not " +
                             std::to_string(layout.doors()));
    }
  }
  if (profile_.cities.empty()) {
    complain(kCities, "'cities' must not be empty");
  }
  if (profile_.layouts.empty()) {
    complain(kLayouts, "'layouts' must not be empty");
  }
  if (profile_.brands_per_station_max > profile_.carriers.size()) {
    complain("brands_per_station_max", "'brands_per_station_max' must not be more than there are 'carriers'");
  }
}

void Reader::check_days() {
  for (const ProfileRound& round : profile_.rounds) {
    if (round.from_h >= round.to_h) {
      complain(kRounds, "a round must end after it has begun");
    }
  }
  if (profile_.rounds.empty()) {
    complain(kRounds, "'rounds' must not be empty");
  }
  for (const ProfileSeason& season : profile_.seasons) {
    if (season.from >= season.to) {
      complain(kSeasons, "'to' of a season is the day after its last");
    }
  }
  const auto& percent = profile_.collection_hour_percent;
  const bool flat = std::all_of(percent.begin(), percent.end(), [&](std::uint32_t p) { return p == percent[0]; });
  if (!flat && profile_.quiet_until_h != 0) {
    complain("collection_hour_percent", "'collection_hour_percent' that differ need 'quiet_until_h' = 0");
  }
  if (flat && percent[0] == 0) {
    complain("collection_hour_percent", "'collection_hour_percent' must not all be 0");
  }
  if (profile_.quiet_until_h + profile_.quiet_spread_h > 24) {
    complain("quiet_spread_h", "'quiet_until_h' and 'quiet_spread_h' are more than a day");
  }
}

void Reader::check_parcels() {
  const auto ordered = [&](std::string_view low, std::uint32_t least, std::string_view high, std::uint32_t most) {
    if (least > most) {
      complain(high, "'" + std::string(high) + "' must not be less than '" + std::string(low) + "'");
    }
  };
  ordered("brands_per_station_min", profile_.brands_per_station_min, "brands_per_station_max",
          profile_.brands_per_station_max);
  ordered("burst_min", profile_.burst_min, "burst_max", profile_.burst_max);
  ordered("spacing_min_s", profile_.spacing_min_s, "spacing_max_s", profile_.spacing_max_s);
  ordered("left_open_min_s", profile_.left_open_min_s, "left_open_max_s", profile_.left_open_max_s);
  ordered("mains_loss_min_s", profile_.mains_loss_min_s, "mains_loss_max_s", profile_.mains_loss_max_s);
  ordered("board_silence_min_s", profile_.board_silence_min_s, "board_silence_max_s", profile_.board_silence_max_s);
  std::uint64_t sizes = 0;
  for (const std::uint32_t share : profile_.size_per_million) {
    sizes += share;
  }
  if (sizes != 1'000'000) {
    complain("size_per_million", "'size_per_million' must add up to 1000000, not " + std::to_string(sizes));
  }
}

std::vector<std::string> Reader::read() {
  profile_ = {};
  profile_.name = request_.name;
  read_text();
  for (std::size_t i = 0; i < request_.settings.size(); ++i) {
    read_setting(i);
  }
  if (problems_.empty()) {
    check_places();
    check_days();
    check_parcels();
  }
  std::vector<std::string> sentences;
  for (const auto& [place, sentence] : problems_) {
    sentences.push_back(sentence);
  }
  return sentences;
}

}  // namespace

std::vector<std::string> read_profile(const ProfileRequest& request, Profile& profile) {
  return Reader(request, profile).read();
}

}  // namespace cubby::emulator
