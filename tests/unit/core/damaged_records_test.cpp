// Records and checkpoints that are not what this firmware wrote: cut short, changed, or about doors that there are not.
// Checksums catch what flash does; these are for what they do not.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/core/damage.h"

namespace cubby::core {
namespace {

TEST(DamagedRecords, AnEventAboutADoorThatThereIsNotChangesNothingAndIsCounted) {
  for (const std::uint8_t number : std::to_array<std::uint8_t>({0, 193, 255})) {
    for (const auto& event : events_about(number)) {
      Rich rich;
      const auto before = save(rich.state);
      rich.state.apply_event(event);
      EXPECT_TRUE(save(rich.state) == before) << "event " << event.which_body << " of " << unsigned{number};
      EXPECT_EQ(rich.state.repairs(), 1U) << "event " << event.which_body << " of " << unsigned{number};
    }
  }
}

TEST(DamagedRecords, AnAlarmOfADoorThatNobodyOpenedIsNoOpening) {
  Rich rich;
  const auto before = save(rich.state);
  for (const std::uint8_t number : std::to_array<std::uint8_t>({0, 50, 193})) {
    auto event = event_of(cubby_v1_Event_door_left_open_tag);
    event.body.door_left_open.compartment = number;
    rich.state.apply_event(event);
  }
  EXPECT_TRUE(save(rich.state) == before);
}

TEST(DamagedRecords, AnEventThatDoesNotFitItsDoorIsStillTheTruthAndIsCounted) {
  for (const auto& event : events_about(50)) {  // Vacant, and nothing is known of it.
    Rich rich;
    rich.state.apply_event(event);
    expect_well_formed(rich.state, "event " + std::to_string(event.which_body));
  }
  Rich rich;
  for (const auto& event : events_about(50)) {
    if (event.which_body == cubby_v1_Event_collected_tag) {
      rich.state.apply_event(event);
    }
  }
  EXPECT_EQ(rich.state.compartment(50).state, CompartmentState::kVacant);
  EXPECT_EQ(rich.state.repairs(), 1U);
}

TEST(DamagedRecords, BytesThatAreNoEventAreCounted) {
  Rich rich;
  const auto before = save(rich.state);
  const Bytewise nonsense(5, std::byte{0xFF});
  rich.state.on_record({.record_class = store::RecordClass::kEvent, .order = 1, .seq = 1, .payload = nonsense});
  EXPECT_EQ(rich.state.repairs(), 1U);
  EXPECT_TRUE(save(rich.state) == before);
}

struct Sample {
  RecordKind kind;
  Bytewise bytes;
};

std::vector<Sample> samples() {
  auto drop_off = intent_of(20, Purpose::kDropOff);
  drop_off.pass_serial = 9;
  drop_off.pass_expiry_utc_s = 1'750'000'000;
  return {{RecordKind::kIntent, encoded(drop_off)},
          {RecordKind::kIntent, encoded(intent_of(2, Purpose::kCollect))},
          {RecordKind::kOutcome, encoded(Outcome{7, AttemptOutcome::kUnknown, 430'000})},
          {RecordKind::kThrottle, encoded(ThrottleCount{99})},
          {RecordKind::kCalledOff, encoded(CalledOff{1})},
          {RecordKind::kCommand, encoded(AcceptedCommand{{std::byte{1}}, UINT64_MAX / 4, 5})}};
}

void expect_refused(RecordKind kind, const Bytewise& bytes, const std::string& story) {
  Rich rich;
  const auto before = save(rich.state);
  rich.state.apply_internal(static_cast<std::uint8_t>(kind), bytes);
  EXPECT_EQ(rich.state.repairs(), 1U) << story;
  EXPECT_TRUE(save(rich.state) == before) << story;
}

TEST(DamagedRecords, ARecordThatIsTooShortOrTooLongChangesNothingAndIsCounted) {
  for (const auto& [kind, bytes] : samples()) {
    const auto story = "kind " + std::to_string(static_cast<unsigned>(kind)) + ", bytes ";
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      expect_refused(kind, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)},
                     story + std::to_string(size));
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    expect_refused(kind, longer, story + std::to_string(longer.size()));
  }
}

TEST(DamagedRecords, ARecordWithOneByteChangedLeavesAStateThatHolds) {
  for (const auto& [kind, bytes] : samples()) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const auto value :
           std::to_array<std::byte>({std::byte{0x00}, std::byte{0xFF}, bytes[at] ^ std::byte{0x40}})) {
        Rich rich;
        auto changed = bytes;
        changed[at] = value;
        rich.state.apply_internal(static_cast<std::uint8_t>(kind), changed);
        expect_well_formed(rich.state, "kind " + std::to_string(static_cast<unsigned>(kind)) + ", byte " +
                                           std::to_string(at) + " is " +
                                           std::to_string(std::to_integer<unsigned>(value)));
      }
    }
  }
}

TEST(DamagedRecords, ValuesOutOfRangeAreRefused) {
  for (const std::uint8_t number : std::to_array<std::uint8_t>({0, 193, 255})) {
    expect_refused(RecordKind::kIntent, encoded(intent_of(number)), "intent");
    expect_refused(RecordKind::kOutcome, encoded(Outcome{number, AttemptOutcome::kOpened, 1}), "outcome");
    expect_refused(RecordKind::kCalledOff, encoded(CalledOff{number}), "called off");
  }
  expect_refused(RecordKind::kIntent, encoded(intent_of(5, static_cast<Purpose>(0))), "no purpose");
  expect_refused(RecordKind::kIntent, encoded(intent_of(5, static_cast<Purpose>(7))), "an unknown purpose");
  for (const std::uint8_t attempt : std::to_array<std::uint8_t>({0, 4})) {
    auto intent = intent_of(5);
    intent.attempt = attempt;
    expect_refused(RecordKind::kIntent, encoded(intent), "attempt");
  }
  expect_refused(RecordKind::kOutcome, encoded(Outcome{7, AttemptOutcome::kNone, 1}), "no outcome");
  expect_refused(RecordKind::kOutcome, encoded(Outcome{7, static_cast<AttemptOutcome>(6), 1}), "an unknown outcome");
  expect_refused(RecordKind::kOutcome, encoded(Outcome{50, AttemptOutcome::kOpened, 1}), "nobody opened it");
  expect_refused(RecordKind::kCommand, encoded(AcceptedCommand{{}, 0, 1}), "a command without an end");
  expect_refused(RecordKind::kCommand, encoded(AcceptedCommand{{}, 1, 193}), "a command for no door");
}

TEST(DamagedRecords, AnUnknownKindChangesNothingAndIsCounted) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    if (kind < static_cast<unsigned>(RecordKind::kIntent) || kind > static_cast<unsigned>(RecordKind::kRules)) {
      expect_refused(static_cast<RecordKind>(kind), encoded(CalledOff{1}), std::to_string(kind));
    }
  }
}

TEST(DamagedRecords, TermsThatAreNotWholeChangeNothingAndAreCounted) {
  const auto day = std::byte{24};
  const Bytewise whole{std::byte{2}, day, std::byte{0}, std::byte{20}, day, std::byte{0}};
  Rich rich;
  rich.state.apply_internal(static_cast<std::uint8_t>(RecordKind::kTermsKept), whole);
  EXPECT_EQ(rich.state.repairs(), 0U);
  for (const std::size_t size : {1U, 2U, 4U, 5U}) {
    expect_refused(RecordKind::kTermsKept, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)},
                   std::to_string(size));
  }
  for (const unsigned number : {0U, 193U, 255U}) {
    auto bytes = whole;
    bytes[3] = static_cast<std::byte>(number);
    expect_refused(RecordKind::kTermsKept, bytes, std::to_string(number));
  }
  expect_refused(RecordKind::kTermsKept, {std::byte{2}, std::byte{0xD1}, std::byte{2}}, "721 hours");
  expect_refused(RecordKind::kRules, Bytewise(limits::kRulesBytesMax + 1), "longer than any rules");
}

TEST(DamagedRecords, WhatNoTableHasRoomForIsCountedAndTheRestStays) {
  cubby_v1_Event scratch{};
  StationState state(scratch);
  constexpr unsigned kOneMore = 1;
  for (unsigned i = 1; i <= StationState::kOpeningsMax + kOneMore; ++i) {
    apply(state, RecordKind::kIntent, intent_of(static_cast<std::uint8_t>(i)));
  }
  EXPECT_EQ(state.repairs(), 1U);
  EXPECT_FALSE(state.opening_slot_free());
  EXPECT_EQ(state.compartment(StationState::kOpeningsMax + kOneMore).state, CompartmentState::kVacant);
  for (unsigned i = 1; i <= StationState::kCommandsMax + kOneMore; ++i) {
    apply(state, RecordKind::kCommand, AcceptedCommand{{static_cast<std::byte>(i)}, UINT64_MAX / 2, 0});
  }
  EXPECT_EQ(state.repairs(), 2U);
  EXPECT_FALSE(state.command_seen({static_cast<std::byte>(StationState::kCommandsMax + kOneMore)}));
  for (unsigned i = 1; i <= limits::kReservationsMax + kOneMore; ++i) {
    reserve(state, static_cast<std::uint8_t>(100 + i));
  }
  EXPECT_EQ(state.repairs(), 3U);
  EXPECT_EQ(state.reservation_count(), limits::kReservationsMax);
  expect_well_formed(state, "full");
  auto event = event_of(cubby_v1_Event_technician_came_tag);
  for (std::uint32_t serial = 1; serial <= StationState::kPassesMax + kOneMore; ++serial) {
    event.body.technician_came.serial = serial;
    event.body.technician_came.expiry_utc_s = UINT32_MAX;
    state.apply_event(event);
  }
  EXPECT_TRUE(state.pass_used(StationState::kPassesMax));
  EXPECT_FALSE(state.pass_used(StationState::kPassesMax + kOneMore));
  expect_well_formed(state, "full of passes");
}

TEST(DamagedRecords, APassWithoutANumberIsNotRemembered) {
  Rich rich;
  const auto before = save(rich.state);
  auto event = event_of(cubby_v1_Event_technician_came_tag);
  event.body.technician_came.expiry_utc_s = UINT32_MAX;
  rich.state.apply_event(event);
  EXPECT_TRUE(save(rich.state) == before);
}

// Any order of anything, as a journal that has lost its middle may hold it.
TEST(DamagedRecords, AnyStoryLeavesAStateThatHolds) {
  std::uint64_t seed = 20'261'125;
  const auto random = [&seed](std::uint64_t bound) {
    seed = seed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return static_cast<std::size_t>((seed >> 33) % bound);
  };
  for (int story = 0; story < 40; ++story) {
    Rich rich;
    for (int step = 0; step < 60; ++step) {
      const auto number = static_cast<std::uint8_t>(random(20));
      if (random(3) != 0) {
        const auto events = events_about(number);
        rich.state.apply_event(events[random(events.size())]);
        continue;
      }
      auto intent = intent_of(number, static_cast<Purpose>(1 + random(6)));
      intent.attempt = static_cast<std::uint8_t>(1 + random(3));
      apply(rich.state, RecordKind::kIntent, intent);
      if (random(2) == 0) {
        apply(rich.state, RecordKind::kOutcome, Outcome{number, static_cast<AttemptOutcome>(1 + random(5)), 430'000});
      }
    }
    expect_well_formed(rich.state, "story " + std::to_string(story));
  }
}

}  // namespace
}  // namespace cubby::core
