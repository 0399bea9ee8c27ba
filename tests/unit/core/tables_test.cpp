#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <string>

#include "firmware/base/hotp.h"
#include "firmware/core/board_trust.h"
#include "firmware/core/compartment.h"
#include "firmware/core/controller.h"
#include "firmware/core/custody.h"
#include "firmware/core/records.h"
#include "support/fake_bus.h"

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
  const std::set<CompartmentEvent> allowed{CompartmentEvent::kRelease,     CompartmentEvent::kNotOpened,
                                           CompartmentEvent::kCancelled,   CompartmentEvent::kEmptied,
                                           CompartmentEvent::kStillVacant, CompartmentEvent::kSettledEmpty,
                                           CompartmentEvent::kPutBack};
  for (const auto& row : kTransitions) {
    if (row.to == CompartmentState::kVacant) {
      EXPECT_TRUE(allowed.contains(row.on)) << to_string(row.from);
    }
  }
  EXPECT_FALSE(next(CompartmentState::kOccupied, CompartmentEvent::kReserve).has_value());
  EXPECT_FALSE(next(CompartmentState::kDisputed, CompartmentEvent::kPutBack).has_value());
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

// Applies a record as the journal would hand it over.
template <typename T>
void apply(StationState& state, RecordKind kind, const T& record) {
  RecordBytes bytes;
  state.apply_internal(static_cast<std::uint8_t>(kind), Bytes(bytes).first(encode(record, bytes)));
}

TEST(StationState, ComesBackWholeFromItsCheckpointWhateverThePartsSize) {
  cubby_v1_Event scratch;
  StationState state(scratch);
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.boot = 3;
  event.uptime_ms = 500'000;
  event.has_wall_ms = true;
  event.wall_ms = 1'750'000'000'000;
  event.which_body = cubby_v1_Event_snapshot_tag;
  state.apply_event(event);
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; number = static_cast<std::uint8_t>(number + 2)) {
    Intent intent;
    intent.compartment = number;
    intent.size = 2;
    intent.uptime_ms = 600'000U + number;
    intent.counter = 1'000U + number;
    intent.carrier.assign("sf");
    intent.parcel.assign("RB473124829CN");
    intent.recipient_token = number;
    apply(state, RecordKind::kIntent, intent);
    apply(state, RecordKind::kOutcome, Outcome{number, AttemptOutcome::kOpened, 600'100U + number});
    if (number < 170) {
      event.uptime_ms = 600'200U + number;
      event.which_body = cubby_v1_Event_deposited_tag;
      event.body.deposited = cubby_v1_Deposited_init_zero;
      event.body.deposited.compartment = number;
      event.body.deposited.counter = intent.counter;
      event.body.deposited.size = cubby_v1_Size_SIZE_M;
      std::string("sf").copy(event.body.deposited.carrier, 2);
      event.body.deposited.has_recipient_token = number % 4 == 1;
      event.body.deposited.recipient_token = number;
      event.body.deposited.has_code_counter = number % 8 == 1;
      event.body.deposited.code_counter = 5;
      event.body.deposited.has_code_digits = number % 16 == 1 || number % 16 == 3;
      event.body.deposited.code_digits = 6;
      event.body.deposited.has_key_version = number % 3 == 1;
      event.body.deposited.key_version = 65'535;
      std::to_string(number).copy(event.body.deposited.parcel, 3);
      state.apply_event(event);
    }
  }
  event.which_body = cubby_v1_Event_door_reserved_tag;
  for (std::size_t i = 0; i < limits::kReservationsMax; ++i) {
    event.body.door_reserved = cubby_v1_DoorReserved_init_zero;
    event.body.door_reserved.compartment = static_cast<std::uint8_t>(2 * i + 2);
    std::string("ems").copy(event.body.door_reserved.carrier, 3);
    std::string(i % 2 == 0 ? "" : "RB473124829CN").copy(event.body.door_reserved.parcel, 32);
    event.body.door_reserved.ttl_s = static_cast<std::uint32_t>(60 + i);
    state.apply_event(event);
  }
  event.which_body = cubby_v1_Event_out_of_service_tag;
  event.body.out_of_service = {.compartment = 4, .reason = cubby_v1_OutOfServiceReason_OUT_OF_SERVICE_REASON_OPERATOR};
  state.apply_event(event);
  apply(state, RecordKind::kCalledOff, CalledOff{191});
  apply(state, RecordKind::kThrottle, ThrottleCount{7});
  apply(state, RecordKind::kCommand, AcceptedCommand{{std::byte{8}}, UINT64_MAX / 2, 0});
  apply(state, RecordKind::kCommand, AcceptedCommand{{std::byte{9}}, UINT64_MAX / 2, 12});
  event.which_body = cubby_v1_Event_command_result_tag;
  event.body.command_result = cubby_v1_CommandResult_init_zero;
  event.body.command_result.command_id[0] = 8;
  state.apply_event(event);
  event.which_body = cubby_v1_Event_extended_tag;
  event.body.extended = {.compartment = 5, .counter = 1'005, .hours = 720};
  state.apply_event(event);
  event.which_body = cubby_v1_Event_code_reissued_tag;
  event.body.code_reissued = cubby_v1_CodeReissued_init_zero;
  event.body.code_reissued.compartment = 7;
  event.body.code_reissued.code_counter = 2'000;
  state.apply_event(event);
  event.which_body = cubby_v1_Event_overdue_tag;
  event.body.overdue = {.compartment = 3, .counter = 1'003};
  state.apply_event(event);
  event.which_body = cubby_v1_Event_item_sensor_doubtful_tag;
  event.body.item_sensor_doubtful = {.compartment = 192, .item = cubby_v1_ItemReading_ITEM_READING_PRESENT};
  state.apply_event(event);
  event.which_body = cubby_v1_Event_technician_came_tag;
  for (std::uint32_t serial = 1; serial <= 8 + StationState::kPassesMax; ++serial) {
    event.body.technician_came = cubby_v1_TechnicianCame_init_zero;
    event.body.technician_came.serial = serial;
    event.body.technician_came.expiry_utc_s = serial <= 8 ? 1 : UINT32_MAX;
    state.apply_event(event);
  }
  ASSERT_EQ(state.repairs(), 0U);

  for (const std::size_t part_size : {std::size_t{128}, std::size_t{200}, limits::kInternalBytesMax}) {
    cubby_v1_Event other_scratch;
    StationState read(other_scratch);
    read.on_checkpoint_begin();
    std::vector<std::byte> part(part_size);
    for (std::size_t index = 0;; ++index) {
      const auto size = state.checkpoint_part(index, part);
      if (size == 0) {
        break;
      }
      read.on_checkpoint_part(Bytes(part).first(size));
    }
    EXPECT_EQ(read.repairs(), 0U);
    EXPECT_EQ(read.next_counter(), state.next_counter());
    EXPECT_EQ(read.failures(), 7U);
    EXPECT_EQ(read.on_ms(4, 10), state.on_ms(4, 10));
    EXPECT_EQ(read.last_utc_ms(), state.last_utc_ms());
    EXPECT_TRUE(read.snapshot_seen());
    EXPECT_TRUE(read.command_seen({std::byte{8}}));
    ASSERT_NE(read.unfinished_command(), nullptr);
    EXPECT_EQ(read.unfinished_command()->id, CommandId{std::byte{9}});
    EXPECT_EQ(read.unfinished_command()->compartment, 12U);
    EXPECT_EQ(read.compartment(5).parcel.extra_hours, 720U);
    EXPECT_EQ(read.compartment(7).parcel.code_counter, 2'000U);
    EXPECT_EQ(read.compartment(7).parcel.recipient_token, 0U);
    EXPECT_FALSE(read.pass_used(7));  // Expired, and its place was needed.
    EXPECT_TRUE(read.pass_used(9));
    EXPECT_TRUE(read.pass_used(8 + StationState::kPassesMax));
    EXPECT_FALSE(read.room_for_pass());
    EXPECT_TRUE(read.compartment(3).parcel.code_dead);
    EXPECT_FALSE(read.compartment(5).parcel.code_dead);
    EXPECT_EQ(read.reservation_count(), limits::kReservationsMax);
    for (std::size_t i = 0; i < limits::kReservationsMax; ++i) {
      EXPECT_EQ(state.reservation(i).compartment, read.reservation(i).compartment);
      EXPECT_EQ(state.reservation(i).end, i == 1 ? ReservationEnd::kLost : ReservationEnd::kNone);
      EXPECT_EQ(state.reservation(i).end, read.reservation(i).end);
      EXPECT_EQ(state.reservation(i).until_on_ms, read.reservation(i).until_on_ms);
      EXPECT_TRUE(state.reservation(i).carrier == read.reservation(i).carrier);
      EXPECT_TRUE(state.reservation(i).parcel == read.reservation(i).parcel);
    }
    EXPECT_EQ(read.compartment(1).wear, 1U);
    EXPECT_EQ(read.compartment(129).parcel.second, std::optional<std::uint16_t>(129));
    EXPECT_EQ(read.compartment(131).parcel.second, std::optional<std::uint16_t>(131));
    EXPECT_EQ(read.compartment(133).parcel.second, std::nullopt);
    for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
      const auto& a = state.compartment(number);
      const auto& b = read.compartment(number);
      EXPECT_EQ(a.state, b.state);
      EXPECT_EQ(a.wear, b.wear);
      EXPECT_EQ(a.before, b.before);
      EXPECT_EQ(b.item_doubtful, number == 192);
      EXPECT_EQ(a.parcel.counter, b.parcel.counter);
      EXPECT_EQ(a.parcel.deposited_on_ms, b.parcel.deposited_on_ms);
      EXPECT_EQ(a.parcel.deposited_utc_ms, b.parcel.deposited_utc_ms);
      EXPECT_EQ(a.parcel.deposited_boot, b.parcel.deposited_boot);
      EXPECT_EQ(a.parcel.size, b.parcel.size);
      EXPECT_EQ(a.parcel.code_counter, b.parcel.code_counter);
      EXPECT_EQ(a.parcel.recipient_token, b.parcel.recipient_token);
      EXPECT_EQ(a.parcel.second, b.parcel.second);
      EXPECT_EQ(a.parcel.key_version, b.parcel.key_version);
      EXPECT_TRUE(a.parcel.carrier == b.parcel.carrier);
      const auto slot_a = state.find_opening(number);
      const auto slot_b = read.find_opening(number);
      ASSERT_EQ(slot_a < StationState::kOpeningsMax, slot_b < StationState::kOpeningsMax);
      if (slot_a < StationState::kOpeningsMax) {
        EXPECT_EQ(state.opening(slot_a).opened_on_ms, read.opening(slot_b).opened_on_ms);
        EXPECT_EQ(state.opening(slot_a).called_off, read.opening(slot_b).called_off);
        EXPECT_EQ(state.opening(slot_a).outcome, read.opening(slot_b).outcome);
        EXPECT_TRUE(state.opening(slot_a).intent.parcel == read.opening(slot_b).intent.parcel);
        EXPECT_EQ(state.opening(slot_a).intent.recipient_token, read.opening(slot_b).intent.recipient_token);
      }
    }
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

TEST(Custody, IsContradictedByAnItemSensorThatSaysTheOppositeAndByNothingElse) {
  using drivers::ItemState;
  for (std::size_t i = 1; i <= kCompartmentStates; ++i) {
    const auto believed = static_cast<CompartmentState>(i);
    const bool empty = believed == CompartmentState::kVacant || believed == CompartmentState::kReserved;
    const bool inside = believed == CompartmentState::kOccupied || believed == CompartmentState::kOverdue;
    EXPECT_FALSE(contradicts(believed, ItemState::kUnknown)) << to_string(believed);
    EXPECT_EQ(contradicts(believed, ItemState::kPresent), empty) << to_string(believed);
    EXPECT_EQ(contradicts(believed, ItemState::kEmpty), inside) << to_string(believed);
    EXPECT_FALSE(contradicts(believed, static_cast<ItemState>(3))) << to_string(believed);
  }
}

TEST(PickupCodes, NeverGivesTwoLiveParcelsOneCode) {
  PickupCodes codes;
  codes.set_key({}, 1);
  codes.put(1, 10);
  EXPECT_EQ(codes.first_unique(10), 11U);
  codes.remove(1);
  EXPECT_EQ(codes.first_unique(10), 10U);
  EXPECT_FALSE(any(codes.find("1234567")));
  EXPECT_FALSE(any(codes.find("4294967295")));  // What an empty place holds.
}

TEST(PickupCodes, OpenNothingWhenOneDigitDiffers) {
  PickupCodes codes;
  codes.set_key({}, 1);
  codes.put(1, 10);
  const std::string code(pickup_code({}, 10, 8).text());
  EXPECT_TRUE(any(codes.find(code)));
  for (std::size_t place = 0; place < code.size(); ++place) {
    for (char other = '0'; other <= '9'; ++other) {
      auto wrong = code;
      wrong[place] = other;
      EXPECT_EQ(any(codes.find(wrong)), wrong == code) << wrong;
    }
  }
}

TEST(PickupCodes, FindEveryDoorOfAGroupAndNoOther) {
  PickupCodes codes;
  codes.set_key({}, 1);
  for (const std::uint8_t number : std::to_array<std::uint8_t>({1, 64, 65, 128, 192})) {
    codes.put(number, 10);
  }
  codes.put(2, 11);
  codes.put(191, 12);
  const auto found = codes.find(pickup_code({}, 10, 8).text());
  for (unsigned number = 1; number <= limits::kCompartmentsMax; ++number) {
    const bool member = number == 1 || number == 64 || number == 65 || number == 128 || number == 192;
    EXPECT_EQ(test_bit(found, static_cast<std::uint8_t>(number)), member) << number;
  }
  EXPECT_EQ(first(codes.find(pickup_code({}, 12, 8).text())), 191);
  EXPECT_FALSE(any(codes.find(pickup_code({}, 13, 8).text())));
}

TEST(PickupCodes, OfSixDigitsAreUniqueToo) {
  PickupCodes codes;
  codes.set_key({}, 1);
  codes.set_digits(6);
  codes.put(1, 10, 1234);
  EXPECT_EQ(codes.first_unique(10), 11U);  // Whatever the second input of the next parcel is.
  EXPECT_EQ(codes.first_unique(10, 8), 10U);
  // Among so many codes of six digits some are equal.
  std::map<std::string, std::uint64_t> seen;
  std::uint64_t counter = 0;
  while (seen.try_emplace(std::string(pickup_code({}, counter, 6).text()), counter).second) {
    ASSERT_LT(++counter, 10'000U);
  }
  codes.put(1, seen[std::string(pickup_code({}, counter, 6).text())], 1234);
  EXPECT_EQ(codes.first_unique(counter), counter + 1);
}

TEST(PickupCodes, OfSixDigitsOpenNothingWhenOneDigitOfEitherInputDiffers) {
  PickupCodes codes;
  codes.set_key({}, 1);
  codes.put(1, 10, 4829);
  const std::string code(pickup_code({}, 10, 6).text());
  EXPECT_FALSE(any(codes.find(code)));
  EXPECT_FALSE(any(codes.find(code, "829")));
  EXPECT_FALSE(any(codes.find("00" + code)));    // That is another kind of code.
  EXPECT_FALSE(any(codes.find(code, "65535")));  // What an empty place holds.
  const auto both = code + "4829";
  for (std::size_t place = 0; place < both.size(); ++place) {
    for (char other = '0'; other <= '9'; ++other) {
      auto wrong = both;
      wrong[place] = other;
      EXPECT_EQ(any(codes.find(wrong.substr(0, 6), wrong.substr(6))), wrong == both) << wrong;
    }
  }
}

// A door that opened elsewhere and was taken out of the cabinet's file put the first board out of service for ever.
TEST(BoardTrust, IsNotLostByADoorThatTheCabinetNoLongerHas) {
  cubby_v1_Event scratch;
  StationState state(scratch);
  tests::FakeBus bus;
  bus.add_board(1);
  bus.add_board(2);
  drivers::DoorBank doors(bus);
  const std::vector<drivers::BoardSettings> boards{{.address = 1}, {.address = 2}};
  const std::vector<drivers::DoorBank::DoorPlace> places{{.board = 0}, {.board = 0, .channel = 1}, {.board = 1}};
  doors.configure(boards, places, {});
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.which_body = cubby_v1_Event_open_failed_tag;
  event.body.open_failed.cause = cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE;
  event.body.open_failed.compartment = 4;
  state.apply_event(event);
  EXPECT_TRUE(board_trusted(state, doors, 1));
  event.body.open_failed.compartment = 2;
  state.apply_event(event);
  EXPECT_FALSE(board_trusted(state, doors, 1)) << "the other door of its board";
  EXPECT_TRUE(board_trusted(state, doors, 3));
}

TEST(StationState, OfEqualCodesBehindTwoCountersOpensOnlyTheOneThatIsMeant) {
  cubby_v1_Event scratch;
  StationState state(scratch);
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.which_body = cubby_v1_Event_deposited_tag;
  const std::array<std::uint64_t, 6> code_counters{7, 9, 7, 9, 9, 8};
  for (std::uint8_t i = 0; i < code_counters.size(); ++i) {
    event.body.deposited = cubby_v1_Deposited_init_zero;
    event.body.deposited.compartment = static_cast<std::uint8_t>(i + 1);
    event.body.deposited.counter = 100U + i;
    event.body.deposited.has_code_counter = true;
    event.body.deposited.code_counter = code_counters[i];
    state.apply_event(event);
  }
  event.which_body = cubby_v1_Event_overdue_tag;
  event.body.overdue = {.compartment = 5, .counter = 104};
  state.apply_event(event);
  const auto bits = [](std::initializer_list<std::uint8_t> numbers) {
    CompartmentBits all{};
    for (const auto number : numbers) {
      set_bit(all, number, true);
    }
    return all;
  };
  const auto everybody = bits({1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(state.group_of(bits({1}), everybody), bits({1, 3}));
  EXPECT_EQ(state.group_of(bits({3}), everybody), bits({1, 3}));
  EXPECT_EQ(state.group_of(bits({1, 3}), everybody), bits({1, 3}));
  EXPECT_EQ(state.group_of(bits({2}), everybody), bits({2, 4}));  // The code of 5 is dead.
  EXPECT_EQ(state.group_of(bits({6}), everybody), bits({6}));
  EXPECT_EQ(state.group_of(bits({1, 2}), everybody), bits({}));  // Whose door would it be?
  EXPECT_EQ(state.group_of(bits({7}), everybody), bits({}));
  EXPECT_EQ(state.group_of({}, everybody), bits({}));
}

TEST(PickupCodes, AreInUseAsLongAsOneOfTheirLengthIsWaitedFor) {
  PickupCodes codes;
  codes.set_key({}, 1);
  EXPECT_TRUE(codes.in_use(8));
  EXPECT_FALSE(codes.in_use(6));
  codes.put(1, 10, 4829);
  EXPECT_TRUE(codes.in_use(6));
  codes.remove(1);
  EXPECT_FALSE(codes.in_use(6));
  codes.set_digits(6);
  codes.put(2, 10);
  EXPECT_TRUE(codes.in_use(6));
  EXPECT_TRUE(codes.in_use(8));
  codes.remove(2);
  EXPECT_FALSE(codes.in_use(8));
  EXPECT_FALSE(codes.in_use(7));
}

TEST(Controller, FitsItsShareOfAFleet) {
  EXPECT_LE(sizeof(Controller), 61U * 1024U);
}

}  // namespace
}  // namespace cubby::core
