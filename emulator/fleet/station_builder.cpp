#include "emulator/fleet/station_builder.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "firmware/base/hotp.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::emulator {
namespace {

constexpr std::uint32_t kPulseMs = 300;
constexpr std::uint64_t kParcelNumbers = 35'000;  // A station's own range of S10 serials.
constexpr std::uint32_t kLowestDoorCm = 20;
constexpr std::uint32_t kDoorStepCm = 16;
constexpr std::uint32_t kDoorsInColumn = 11;

// The option that is furthest behind its share after `done` were given out: every prefix is a fair sample.
std::size_t most_behind(const std::vector<std::uint32_t>& weights, const std::vector<std::uint32_t>& given,
                        std::size_t done) {
  std::uint64_t total = 0;
  for (const std::uint32_t weight : weights) {
    total += weight;
  }
  std::size_t best = 0;
  std::int64_t best_lag = INT64_MIN;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t lag =
        static_cast<std::int64_t>(weights[i] * (done + 1)) - static_cast<std::int64_t>(given[i] * total);
    if (lag > best_lag) {
      best_lag = lag;
      best = i;
    }
  }
  return best;
}

template <std::size_t Size>
void copy_text(char (&to)[Size], const std::string& from) {
  const std::size_t size = std::min(from.size(), Size - 1);
  std::copy_n(from.begin(), size, to);
  to[size] = 0;
}

/// What a cabinet of a family is put together from. P7 boards are slow: more of them, and a forced door would be seen
/// too late.
struct BoardModel {
  BoardFamily family = BoardFamily::kP5;
  std::uint8_t channels = 8;
  std::uint8_t first_address = 1;
  std::size_t boards_max = limits::kBoardsMax;
};
constexpr std::array<BoardModel, 5> kModels{{{BoardFamily::kP1, 24, 1, limits::kBoardsMax},
                                             {BoardFamily::kP2, 16, 0, 15},
                                             {BoardFamily::kP5, 8, 1, limits::kBoardsMax},
                                             {BoardFamily::kP6, 24, 1, 15},
                                             {BoardFamily::kP7, 48, 0, 4}}};

const BoardModel& model_of(BoardFamily family) {
  return *std::find_if(kModels.begin(), kModels.end(), [&](const BoardModel& model) { return model.family == family; });
}

/// The family of that station's boards. In a mixed fleet the province's: 40 % P5, 40 % P1, 15 % P2, 5 % P6.
BoardFamily family_of(const FleetOptions& options, std::size_t index) {
  if (!options.mixed_boards) {
    return options.board_family;
  }
  const auto percent = Prng(options.seed).child("boards", index).below(100);
  if (percent < 40) {
    return BoardFamily::kP5;
  }
  if (percent < 80) {
    return BoardFamily::kP1;
  }
  return percent < 95 ? BoardFamily::kP2 : BoardFamily::kP6;
}

void add_board(const BoardModel& model, cubby_v1_StationConfig& config, StationSetup& setup) {
  BoardProfile profile = default_profile(model.family);
  profile.channels = model.channels;
  profile.address = static_cast<std::uint8_t>(model.first_address + config.boards_count);
  auto& board = config.boards[config.boards_count++];
  board.family = static_cast<cubby_v1_BoardFamily>(model.family);
  board.address = profile.address;
  board.channels = profile.channels;
  config.bus_baud = profile.baud == limits::kBaudDefault ? 0 : profile.baud;
  setup.boards.push_back(profile);
}

void fill_doors(const BoardModel& model, const ProfileLayout& layout, cubby_v1_StationConfig& config,
                StationSetup& setup) {
  const std::uint32_t doors = layout.doors();
  for (std::uint32_t i = 0; i < doors; ++i) {
    if (i % model.channels == 0) {
      add_board(model, config, setup);
    }
    // Large doors stand at the bottom of the first columns, small ones fill the rest.
    cubby_v1_Size size = cubby_v1_Size_SIZE_S;
    if (i < layout.doors_l) {
      size = cubby_v1_Size_SIZE_L;
    } else if (i < layout.doors_l + layout.doors_m) {
      size = cubby_v1_Size_SIZE_M;
    }
    config.door_board[i] = static_cast<std::uint8_t>(i / model.channels);
    config.door_channel[i] = static_cast<std::uint8_t>(i % model.channels);
    config.door_size[i] = size;
    config.door_height_cm[i] = static_cast<std::uint8_t>(kLowestDoorCm + i % kDoorsInColumn * kDoorStepCm);
    setup.door_board.push_back(config.door_board[i]);
    setup.door_channel.push_back(config.door_channel[i]);
  }
  config.door_board_count = static_cast<pb_size_t>(doors);
  config.door_channel_count = config.door_board_count;
  config.door_size_count = config.door_board_count;
  config.door_height_cm_count = config.door_board_count;
  setup.compartments = doors;
}

// P2 boards have inputs for them. Else on boards of their own, behind those of the doors; the last doors go without
// where the segment is full.
void fill_items(const BoardModel& model, cubby_v1_StationConfig& config, StationSetup& setup) {
  const std::size_t first_board = config.boards_count;
  const bool own = model.family == BoardFamily::kP2;
  for (std::size_t i = 0; i < setup.compartments; ++i) {
    const std::size_t board = own ? config.door_board[i] : first_board + i / model.channels;
    const std::size_t channel = own ? model.channels + config.door_channel[i] : i % model.channels;
    const bool room = board < model.boards_max;
    if (room && board == config.boards_count) {
      add_board(model, config, setup);
    }
    config.door_item_board[i] = static_cast<std::uint8_t>(room ? board : 0);
    config.door_item_channel[i] = static_cast<std::uint8_t>(room ? channel + 1 : 0);
    setup.item_board.push_back(config.door_item_board[i]);
    setup.item_channel.push_back(room ? static_cast<std::uint8_t>(channel) : StationSetup::kNoInput);
  }
  config.door_item_board_count = config.door_item_channel_count = static_cast<pb_size_t>(setup.compartments);
}

// 3 to 8 of the profile's brands, the frequent ones more likely (weights 1/rank), most frequent first.
std::vector<std::uint8_t> draw_brands(const Profile& profile, Prng& prng) {
  const std::uint64_t span = profile.brands_per_station_max - profile.brands_per_station_min + 1;
  const std::size_t count = profile.brands_per_station_min + prng.below(span);
  std::vector<std::uint8_t> brands;
  constexpr std::uint64_t kScale = 1'000'000;
  while (brands.size() < std::min(count, profile.carriers.size())) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < profile.carriers.size(); ++i) {
      total += kScale / (i + 1);
    }
    std::uint64_t pick = prng.below(total);
    std::size_t brand = 0;
    while (pick >= kScale / (brand + 1)) {
      pick -= kScale / (brand + 1);
      ++brand;
    }
    if (std::find(brands.begin(), brands.end(), brand) == brands.end()) {
      brands.push_back(static_cast<std::uint8_t>(brand));
    }
  }
  std::sort(brands.begin(), brands.end());
  return brands;
}

}  // namespace

std::vector<StationPlan> plan_stations(const Profile& profile, std::size_t count) {
  std::vector<std::uint32_t> city_weights;
  std::vector<std::uint32_t> layout_weights;
  for (const ProfileCity& city : profile.cities) {
    city_weights.push_back(city.weight);
  }
  for (const ProfileLayout& layout : profile.layouts) {
    layout_weights.push_back(layout.weight);
  }
  std::vector<std::uint32_t> in_city(city_weights.size());
  std::vector<std::uint32_t> of_layout(layout_weights.size());
  std::vector<StationPlan> plans;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t city = most_behind(city_weights, in_city, i);
    const std::size_t layout = most_behind(layout_weights, of_layout, i);
    ++in_city[city];
    ++of_layout[layout];
    plans.push_back({.city = city, .layout = layout, .number = in_city[city]});
  }
  return plans;
}

StationSetup build_station(const Profile& profile, const FleetOptions& options, const StationPlan& plan,
                           std::size_t index) {
  StationSetup setup;
  const ProfileCity& city = profile.cities[plan.city];
  std::array<char, 40> name{};
  std::snprintf(name.data(), name.size(), "%s-%s-%04u", profile.prefix.c_str(), city.code.c_str(), plan.number);
  setup.name = name.data();
  setup.city = city.name;
  setup.start_utc_ms = options.start_utc_ms != 0 ? options.start_utc_ms : profile.start_utc_ms();
  Prng prng = Prng(options.seed).child("station", index);
  setup.seed = prng.next();
  setup.run_id = options.run_id;
  setup.announce_new_journal = options.announce_new_journals;
  setup.skip_idle_polls = options.skip_idle_polls;
  setup.pings = options.pings;
  setup.remote = index == 0 ? options.first_controller : nullptr;

  const ProfileLayout& layout = profile.layouts[plan.layout];
  const auto config = std::make_unique<cubby_v1_StationConfig>();
  *config = cubby_v1_StationConfig_init_zero;
  config->version = 1;
  copy_text(config->station, setup.name);
  copy_text(config->city, setup.city);
  config->utc_offset_min = profile.utc_offset_min;
  const BoardModel& model = model_of(family_of(options, index));
  setup.bus_noise = options.bus_noise;
  fill_doors(model, layout, *config, setup);
  if (options.item_sensors) {
    fill_items(model, *config, setup);
  }
  config->retention_h = profile.retention_h;
  config->upsizing_steps = 2;
  config->report_interval_s = options.report_interval_s;
  config->response_deadline_s = options.response_deadline_s;
  config->code_digits = options.code_digits;
  setup.code_digits = options.code_digits;
  config->lock_pulse_ms = kPulseMs;
  config->language = static_cast<cubby_v1_PanelLanguage>(profile.language);
  setup.config.resize(limits::kConfigBytesMax);
  const Result<std::size_t> size = wire::encode_config(*config, setup.config);
  CUBBY_ASSERT(size.ok());
  setup.config.resize(size.value());
  setup.config.shrink_to_fit();

  setup.station_keys = options.fleet_keys.station_keys(setup.name, options.key_version);
  CUBBY_ASSERT(!setup.station_keys.empty());
  setup.people.station = setup.name;
  setup.people.pass_key = options.fleet_keys.pass_key();
  setup.people.start_utc_ms = static_cast<std::int64_t>(setup.start_utc_ms);
  setup.people.compartments = static_cast<std::uint32_t>(setup.compartments);
  setup.people.demand = options.demand;
  setup.people.brands = draw_brands(profile, prng);
  setup.people.parcels_per_day_milli =
      std::uint64_t{profile.offered_per_station_day_milli} * setup.compartments * 1000 / profile.mean_doors_milli();
  setup.people.first_parcel = index * kParcelNumbers;
  return setup;
}

}  // namespace cubby::emulator
