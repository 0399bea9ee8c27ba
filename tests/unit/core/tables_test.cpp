#include <gtest/gtest.h>

#include <set>
#include <string>

#include "firmware/app/config_check.h"
#include "firmware/core/compartment.h"
#include "firmware/core/controller.h"
#include "firmware/core/custody.h"
#include "firmware/core/records.h"

namespace cubby::core {
namespace {

TEST(Compartment, AnswersEveryEventInEveryState) {
  std::size_t legal = 0;
  for (std::size_t from = 1; from <= kCompartmentStates; ++from) {
    for (std::size_t on = 1; on <= kCompartmentEvents; ++on) {
      const auto to = next(static_cast<CompartmentState>(from), static_cast<CompartmentEvent>(on));
      if (!to.has_value()) {
        continue;
      }
      ++legal;
      EXPECT_GE(static_cast<std::size_t>(*to), 1U);
      EXPECT_LE(static_cast<std::size_t>(*to), kCompartmentStates);
    }
  }
  EXPECT_EQ(legal, kTransitions.size());
}

TEST(Compartment, IsVacantOnlyAfterAnOpeningSomebodyOrBeforeAnyDoorMoved) {
  const std::set<CompartmentEvent> allowed{CompartmentEvent::kRelease, CompartmentEvent::kNotOpened,
                                           CompartmentEvent::kCancelled, CompartmentEvent::kEmptied,
                                           CompartmentEvent::kPutBack};
  for (const auto& row : kTransitions) {
    if (row.to == CompartmentState::kVacant) {
      EXPECT_TRUE(allowed.contains(row.on)) << to_string(row.from);
    }
  }
  EXPECT_FALSE(next(CompartmentState::kOccupied, CompartmentEvent::kReserve).has_value());
  EXPECT_FALSE(next(CompartmentState::kDisputed, CompartmentEvent::kReserve).has_value());
}

TEST(Compartment, HasANameForEachStateAndEvent) {
  std::set<std::string> names;
  for (std::size_t i = 1; i <= kCompartmentStates; ++i) {
    names.insert(std::string(to_string(static_cast<CompartmentState>(i))));
  }
  for (std::size_t i = 1; i <= kCompartmentEvents; ++i) {
    names.insert(std::string(to_string(static_cast<CompartmentEvent>(i))));
  }
  EXPECT_EQ(names.size(), kCompartmentStates + kCompartmentEvents);
  EXPECT_FALSE(names.contains("?"));
}

TEST(Records, ComeBackAsTheyWereAndNeverFromATruncatedOne) {
  Intent intent;
  intent.compartment = 17;
  intent.purpose = Purpose::kRecall;
  intent.attempt = 3;
  intent.size = 2;
  intent.uptime_ms = 0x1122334455667788;
  intent.counter = 42;
  intent.carrier.assign("sf");
  intent.parcel.assign("RB473124829CN");
  RecordBytes bytes;
  const auto size = encode(intent, bytes);
  Intent read;
  ASSERT_EQ(decode(Bytes(bytes).first(size), read), Status::kOk);
  EXPECT_EQ(read.compartment, 17);
  EXPECT_EQ(read.purpose, Purpose::kRecall);
  EXPECT_EQ(read.uptime_ms, 0x1122334455667788U);
  EXPECT_EQ(read.parcel.view(), "RB473124829CN");
  for (std::size_t cut = 0; cut < size; ++cut) {
    Intent none;
    EXPECT_EQ(decode(Bytes(bytes).first(cut), none), Status::kCorrupt) << cut;
  }
}

TEST(Custody, IsOnlyBelievedAsFarAsSomebodySaw) {
  using drivers::DoorState;
  for (int outcome = 0; outcome <= static_cast<int>(AttemptOutcome::kUnknown); ++outcome) {
    const auto durable = static_cast<AttemptOutcome>(outcome);
    EXPECT_EQ(after_reset(durable, DoorState::kUnknown), AfterReset::kWait);
    EXPECT_EQ(after_reset(durable, DoorState::kOpen), AfterReset::kGoOn);
  }
  EXPECT_EQ(after_reset(AttemptOutcome::kNone, DoorState::kShut), AfterReset::kUncertain);
  EXPECT_EQ(after_reset(AttemptOutcome::kOpened, DoorState::kShut), AfterReset::kComplete);
  EXPECT_EQ(after_reset(AttemptOutcome::kNotOpened, DoorState::kShut), AfterReset::kNotOpened);
}

TEST(PickupCodes, NeverGivesTwoLiveParcelsOneCode) {
  PickupCodes codes;
  codes.set_key({});
  codes.put(1, 10);
  EXPECT_EQ(codes.first_unique(10), 11U);
  codes.remove(1);
  EXPECT_EQ(codes.first_unique(10), 10U);
  EXPECT_EQ(codes.find("1234567"), 0);
  EXPECT_EQ(codes.find("4294967295"), 0);  // What an empty place holds.
}

TEST(Controller, FitsItsShareOfAFleet) {
  EXPECT_LE(sizeof(Controller), 48U * 1024U);
}

cubby_v1_StationConfig good_config() {
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.version = 1;
  std::string("SX-TY-0007").copy(config.station, sizeof(config.station));
  std::string("Taiyuan").copy(config.city, sizeof(config.city));
  config.boards_count = 1;
  config.boards[0] = {cubby_v1_BoardFamily_BOARD_FAMILY_P5, 1, 8};
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count = 2;
  config.door_channel[1] = 1;
  config.door_size[0] = config.door_size[1] = cubby_v1_Size_SIZE_S;
  config.retention_h = 48;
  config.response_deadline_s = 90;
  config.code_digits = 8;
  config.lock_pulse_ms = 200;
  return config;
}

TEST(ConfigCheck, RefusesEachBrokenRule) {
  ASSERT_EQ(app::check_config(good_config()), Status::kOk);
  const std::vector<void (*)(cubby_v1_StationConfig&)> breaks{
      [](auto& c) { c.version = 0; },
      [](auto& c) { c.station[0] = 'a'; },
      [](auto& c) { c.station[0] = '\0'; },
      [](auto& c) { c.city[0] = '\0'; },
      [](auto& c) { c.utc_offset_min = -721; },
      [](auto& c) { c.utc_offset_min = 841; },
      [](auto& c) { c.boards_count = 0; },
      [](auto& c) { c.boards[0].address = 0; },
      [](auto& c) { c.boards[0].address = 248; },
      [](auto& c) { c.boards[0].channels = 51; },
      [](auto& c) { c.boards[0].family = cubby_v1_BoardFamily_BOARD_FAMILY_UNSPECIFIED; },
      [](auto& c) { c.boards[1] = c.boards[0], c.boards_count = 2; },
      [](auto& c) { c.door_board[1] = 1; },
      [](auto& c) { c.door_channel[1] = 8; },
      [](auto& c) { c.door_channel[1] = 0; },
      [](auto& c) { c.door_size_count = 1; },
      [](auto& c) { c.door_size[0] = cubby_v1_Size_SIZE_UNSPECIFIED; },
      [](auto& c) { c.door_height_cm[0] = 251; },
      [](auto& c) { c.brands_count = 1; },
      [](auto& c) { c.brands_count = 1, c.brands[0].carrier[0] = 'S'; },
      [](auto& c) { c.brands_count = 1, c.brands[0].carrier[0] = 's', c.brands[0].share_percent = 101; },
      [](auto& c) { c.retention_h = 0; },
      [](auto& c) { c.retention_h = 721; },
      [](auto& c) { c.upsizing_steps = 4; },
      [](auto& c) { c.response_deadline_s = 9; },
      [](auto& c) { c.code_digits = 5; },
      [](auto& c) { c.lock_pulse_ms = 250; },
      [](auto& c) { c.lock_pulse_ms = 1'100; },
  };
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    auto config = good_config();
    breaks[i](config);
    EXPECT_EQ(app::check_config(config), Status::kBadInput) << "rule " << i;
  }
}

TEST(ConfigCheck, SaysWhatIsNotSupportedYet) {
  for (const auto family : {cubby_v1_BoardFamily_BOARD_FAMILY_P1, cubby_v1_BoardFamily_BOARD_FAMILY_P2,
                            cubby_v1_BoardFamily_BOARD_FAMILY_P6, cubby_v1_BoardFamily_BOARD_FAMILY_P7}) {
    auto config = good_config();
    config.boards[0].family = family;
    EXPECT_EQ(app::check_config(config), Status::kNotSupported);
  }
  auto config = good_config();
  config.code_digits = 6;
  EXPECT_EQ(app::check_config(config), Status::kNotSupported);
}

}  // namespace
}  // namespace cubby::core
