// Checkpoints that are not what this firmware wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/core/damage.h"

namespace cubby::core {
namespace {

constexpr std::size_t kSmallParts = 128;  // As small as they can be: items meet their ends often.

// Tags of docs/spec/records.md.
enum Tag : std::uint8_t { kHeader = 1, kOpening, kCommand, kCompartment, kPass, kReservation, kWear };

Bytewise item(std::uint8_t tag, const Bytewise& body) {
  Bytewise bytes{static_cast<std::byte>(tag), static_cast<std::byte>(body.size())};
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

/// The first item of that kind in a checkpoint of something of everything.
Bytewise body_of(std::uint8_t tag) {
  Rich rich;
  for (const auto& part : save(rich.state)) {
    for (std::size_t at = 0; at < part.size(); at += 2 + std::to_integer<std::size_t>(part[at + 1])) {
      if (part[at] == static_cast<std::byte>(tag)) {
        const auto begin = part.begin() + static_cast<std::ptrdiff_t>(at) + 2;
        return {begin, begin + std::to_integer<std::ptrdiff_t>(part[at + 1])};
      }
    }
  }
  ADD_FAILURE() << "no item " << unsigned{tag};
  return {};
}

TEST(DamagedCheckpoint, ComesBackWholeFirst) {
  Rich rich;
  expect_well_formed(rich.state, "undamaged");
  EXPECT_EQ(rich.state.repairs(), 0U);
  for (std::uint8_t tag = kHeader; tag <= kWear; ++tag) {
    EXPECT_FALSE(body_of(tag).empty()) << unsigned{tag};
  }
}

TEST(DamagedCheckpoint, CutAnywhereLeavesAStateThatHolds) {
  Rich rich;
  const auto whole = save(rich.state, kSmallParts);
  for (std::size_t index = 0; index < whole.size(); ++index) {
    std::size_t item_ends = 0;
    for (std::size_t size = 0; size < whole[index].size(); ++size) {
      auto parts = whole;
      parts[index].resize(size);
      Loaded loaded(parts);
      const auto story = "part " + std::to_string(index) + " cut at " + std::to_string(size);
      EXPECT_EQ(loaded.state.repairs(), size == item_ends ? 0U : 1U) << story;
      expect_well_formed(loaded.state, story);
      if (size == item_ends) {
        item_ends += 2 + std::to_integer<std::size_t>(whole[index][size + 1]);
      }
    }
  }
}

TEST(DamagedCheckpoint, WithOneByteChangedLeavesAStateThatHolds) {
  Rich rich;
  const auto whole = save(rich.state, kSmallParts);
  for (std::size_t index = 0; index < whole.size(); ++index) {
    for (std::size_t at = 0; at < whole[index].size(); ++at) {
      const auto old = whole[index][at];
      for (const auto value : std::to_array<std::byte>({std::byte{0x00}, std::byte{0xFF}, old ^ std::byte{0x01}})) {
        auto parts = whole;
        parts[index][at] = value;
        Loaded loaded(parts);
        expect_well_formed(loaded.state, "part " + std::to_string(index) + ", byte " + std::to_string(at) + " is " +
                                             std::to_string(std::to_integer<unsigned>(value)));
      }
    }
  }
}

TEST(DamagedCheckpoint, AnItemThatIsTooShortIsCounted) {
  for (std::uint8_t tag = kHeader; tag < kWear; ++tag) {
    const auto body = body_of(tag);
    for (std::size_t size = 0; size < body.size(); ++size) {
      const auto story = "tag " + std::to_string(tag) + ", bytes " + std::to_string(size);
      Loaded loaded({item(tag, {body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)})});
      EXPECT_EQ(loaded.state.repairs(), 1U) << story;
      expect_well_formed(loaded.state, story);
    }
  }
}

TEST(DamagedCheckpoint, AnItemThatIsUnknownIsCountedAndTheNextIsRead) {
  for (const std::uint8_t tag : std::to_array<std::uint8_t>({0, 8, 255})) {
    auto part = item(tag, Bytewise(3, std::byte{1}));
    const auto pass = item(kPass, body_of(kPass));
    part.insert(part.end(), pass.begin(), pass.end());
    Loaded loaded({part});
    EXPECT_EQ(loaded.state.repairs(), 1U);
    EXPECT_TRUE(loaded.state.pass_used(5));
  }
}

TEST(DamagedCheckpoint, AHeaderOfAnotherVersionSaysNothing) {
  auto body = body_of(kHeader);
  body[0] = std::byte{2};
  Loaded loaded({item(kHeader, body)});
  EXPECT_EQ(loaded.state.repairs(), 1U);
  EXPECT_EQ(loaded.state.next_counter(), 1U);
  EXPECT_EQ(loaded.state.failures(), 0U);
  EXPECT_FALSE(loaded.state.snapshot_seen());
}

TEST(DamagedCheckpoint, HalfAHeaderSaysNothing) {
  auto body = body_of(kHeader);
  body.resize(body.size() - 1);
  Loaded loaded({item(kHeader, body)});
  EXPECT_EQ(loaded.state.next_counter(), 1U);
  EXPECT_EQ(loaded.state.last_utc_ms(), 0U);
  EXPECT_FALSE(loaded.state.snapshot_seen());
}

// What its item does not say cannot be "vacant": somebody has to look.
TEST(DamagedCheckpoint, ACompartmentWhoseItemIsDamagedIsInDoubtAndNoCodeOpensIt) {
  const auto body = body_of(kCompartment);
  ASSERT_EQ(body[0], std::byte{1});
  for (std::size_t size = 1; size < body.size(); ++size) {
    Loaded loaded({item(kCompartment, {body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)})});
    EXPECT_EQ(loaded.state.compartment(1).state, CompartmentState::kDisputed) << size;
    EXPECT_EQ(loaded.state.compartment(1).parcel.counter, 0U) << size;
  }
  for (const std::size_t at : {std::size_t{1}, std::size_t{2}}) {
    for (const std::uint8_t state : std::to_array<std::uint8_t>({0, kCompartmentStates + 1, 255})) {
      auto changed = body;
      changed[at] = static_cast<std::byte>(state);
      Loaded loaded({item(kCompartment, changed)});
      EXPECT_EQ(loaded.state.repairs(), 1U);
      EXPECT_EQ(loaded.state.compartment(1).state, CompartmentState::kDisputed);
    }
  }
}

TEST(DamagedCheckpoint, AParcelWithoutANumberIsNoParcelAndItsCompartmentIsInDoubt) {
  constexpr std::size_t kCounterAt = 5;
  auto body = body_of(kCompartment);
  std::fill_n(body.begin() + kCounterAt, sizeof(std::uint64_t), std::byte{0});
  Loaded loaded({item(kCompartment, body)});
  EXPECT_EQ(loaded.state.repairs(), 1U);
  EXPECT_EQ(loaded.state.compartment(1).state, CompartmentState::kDisputed);
  EXPECT_TRUE(loaded.state.compartment(1).parcel.carrier.empty());
}

TEST(DamagedCheckpoint, ItemsAboutADoorThatThereIsNotAreSkipped) {
  constexpr std::size_t kIntentAt = 10;
  for (const std::uint8_t number : std::to_array<std::uint8_t>({0, 193, 255})) {
    const auto about = [&](std::uint8_t tag, std::size_t at) {
      auto body = body_of(tag);
      body[at] = static_cast<std::byte>(number);
      return item(tag, body);
    };
    for (const auto& damaged :
         {about(kCompartment, 0), about(kReservation, 0), about(kOpening, kIntentAt), about(kWear, 0)}) {
      Loaded loaded({damaged});
      cubby_v1_Event scratch{};
      StationState empty(scratch);
      EXPECT_EQ(loaded.state.repairs(), 1U) << "tag " << std::to_integer<unsigned>(damaged[0]);
      EXPECT_TRUE(save(loaded.state) == save(empty)) << "tag " << std::to_integer<unsigned>(damaged[0]);
    }
  }
}

TEST(DamagedCheckpoint, WearOfMoreDoorsThanThereAreEndsAtTheLast) {
  Bytewise body{std::byte{limits::kCompartmentsMax}};
  body.insert(body.end(), {std::byte{7}, std::byte{0}, std::byte{0}, std::byte{9}, std::byte{0}, std::byte{0}});
  Loaded loaded({item(kWear, body)});
  EXPECT_EQ(loaded.state.compartment(limits::kCompartmentsMax).wear, 7U);
  EXPECT_EQ(loaded.state.repairs(), 1U);
  body.resize(3);  // Half a number.
  Loaded half({item(kWear, body)});
  EXPECT_EQ(half.state.compartment(limits::kCompartmentsMax).wear, 0U);
  EXPECT_EQ(half.state.repairs(), 1U);
}

TEST(DamagedCheckpoint, TextThatIsTooLongMakesNoReservation) {
  Bytewise body = body_of(kReservation);
  constexpr std::size_t kCarrierAt = 10;
  body[kCarrierAt] = std::byte{limits::kCarrierMax + 1};
  body.resize(kCarrierAt + 1);
  body.insert(body.end(), limits::kCarrierMax + 1, std::byte{'s'});
  body.push_back(std::byte{0});
  Loaded loaded({item(kReservation, body)});
  EXPECT_EQ(loaded.state.repairs(), 1U);
  EXPECT_EQ(loaded.state.reservation_count(), 0U);
}

TEST(DamagedCheckpoint, AnOpeningWithAnUnknownOutcomeIsNoOpening) {
  auto body = body_of(kOpening);
  for (const std::uint8_t outcome : std::to_array<std::uint8_t>({6, 255})) {
    body[0] = static_cast<std::byte>(outcome);
    Loaded loaded({item(kOpening, body)});
    EXPECT_EQ(loaded.state.repairs(), 1U);
    EXPECT_EQ(loaded.state.find_opening(1), StationState::kOpeningsMax);
  }
}

TEST(DamagedCheckpoint, ADoorHasOneOpeningHoweverOftenItIsTold) {
  auto part = item(kOpening, body_of(kOpening));
  const auto again = part;
  part.insert(part.end(), again.begin(), again.end());
  Loaded loaded({part});
  EXPECT_EQ(loaded.state.repairs(), 1U);
  expect_well_formed(loaded.state, "twice");
}

TEST(DamagedCheckpoint, MoreThanATableHoldsIsCountedAndTheRestStays) {
  std::vector<Bytewise> parts;
  const auto repeat = [&parts](std::uint8_t tag, std::size_t number_at, std::size_t times) {
    auto body = body_of(tag);
    for (std::size_t i = 1; i <= times; ++i) {
      body[number_at] = static_cast<std::byte>(i);
      parts.push_back(item(tag, body));
    }
  };
  constexpr std::size_t kIntentAt = 10;
  repeat(kOpening, kIntentAt, StationState::kOpeningsMax + 1);
  repeat(kCommand, 1, StationState::kCommandsMax + 1);
  repeat(kPass, 0, StationState::kPassesMax + 1);
  repeat(kReservation, 0, limits::kReservationsMax + 1);
  Loaded loaded(parts);
  EXPECT_EQ(loaded.state.repairs(), 4U);
  EXPECT_FALSE(loaded.state.opening_slot_free());
  EXPECT_FALSE(loaded.state.room_for_command());
  EXPECT_FALSE(loaded.state.room_for_pass());
  EXPECT_EQ(loaded.state.reservation_count(), limits::kReservationsMax);
  expect_well_formed(loaded.state, "full");
}

}  // namespace
}  // namespace cubby::core
