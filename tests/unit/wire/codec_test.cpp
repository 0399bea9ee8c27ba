#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"
#include "firmware/base/limits.h"
#include "firmware/base/prng.h"
#include "firmware/wire/codec/config_codec.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/codec/uplink_codec.h"
#include "firmware/wire/framing/frame.h"
#include "pb_encode.h"

namespace cubby::wire {
namespace {

cubby_v1_Event deposited() {
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.boot = 2;
  event.uptime_ms = 86'400'123;
  event.has_wall_ms = true;
  event.wall_ms = 1'780'000'000'000;
  event.which_body = cubby_v1_Event_deposited_tag;
  event.body.deposited.compartment = 12;
  event.body.deposited.counter = 5;
  std::strcpy(event.body.deposited.parcel, "RB473124829CN");
  std::strcpy(event.body.deposited.carrier, "sf");
  event.body.deposited.size = cubby_v1_Size_SIZE_M;
  event.body.deposited.attempts = 1;
  event.body.deposited.open_ms = 9'400;
  return event;
}

TEST(EventCodec, FitsExactlyOrNotAtAll) {
  const cubby_v1_Event event = deposited();
  std::array<std::byte, 128> buffer;
  const std::size_t size = encode_event(event, buffer).value();
  for (std::size_t room = 0; room < size; ++room) {
    EXPECT_EQ(encode_event(event, MutableBytes(buffer).first(room)).status(), Status::kNoSpace) << room;
  }
  EXPECT_EQ(encode_event(event, MutableBytes(buffer).first(size)).value(), size);
}

TEST(EventCodec, TellsTheBodyWithoutDecodingIt) {
  cubby_v1_Event event = deposited();
  std::array<std::byte, 128> buffer;
  const std::size_t size = encode_event(event, buffer).value();
  const Bytes whole = Bytes(buffer).first(size);
  Bytes body;
  EXPECT_EQ(body_of(whole, body), static_cast<std::uint32_t>(cubby_v1_Event_deposited_tag));
  EXPECT_EQ(body.data() + body.size(), whole.data() + whole.size());
  event = cubby_v1_Event_init_zero;
  event.which_body = cubby_v1_Event_door_forced_tag;
  std::array<std::byte, 16> bare;
  const std::size_t bare_size = encode_event(event, bare).value();
  EXPECT_EQ(body_of(Bytes(bare).first(bare_size), body), static_cast<std::uint32_t>(cubby_v1_Event_door_forced_tag));
  EXPECT_EQ(body_of({}, body), 0U);
  for (std::size_t cut = 0; cut < size; ++cut) {
    EXPECT_EQ(body_of(whole.first(cut), body), 0U) << "after " << cut << " bytes";
  }
  const std::array<std::byte, 2> number{std::byte{4 << 3}, std::byte{1}};  // Field 4 is no varint.
  EXPECT_EQ(body_of(number, body), 0U);
}

// Each number over its whole range of lengths, and each absent now and then.
template <typename T>
void draw(Prng& dice, T& number) {
  number = dice.chance(200'000) ? T{} : static_cast<T>(dice.next() >> dice.below(64));
}

template <std::size_t Size>
void draw(Prng& dice, char (&text)[Size]) {
  const std::size_t size = dice.below(Size);
  std::memset(text, 0, Size);
  std::memset(text, 'x', size);
}

void draw_deposited(Prng& dice, cubby_v1_Deposited& body) {
  draw(dice, body.compartment);
  draw(dice, body.counter);
  draw(dice, body.parcel);
  draw(dice, body.carrier);
  body.size = static_cast<cubby_v1_Size>(dice.below(5));
  body.has_recipient_token = dice.chance(500'000);
  draw(dice, body.recipient_token);
  draw(dice, body.attempts);
  draw(dice, body.open_ms);
  body.has_code_counter = dice.chance(500'000);
  draw(dice, body.code_counter);
  body.has_code_digits = dice.chance(500'000);
  draw(dice, body.code_digits);
  body.item = static_cast<cubby_v1_ItemReading>(dice.below(3));
  body.has_key_version = dice.chance(500'000);
  draw(dice, body.key_version);
}

void draw_collected(Prng& dice, cubby_v1_Collected& body) {
  body = cubby_v1_Collected_init_zero;
  draw(dice, body.compartment);
  draw(dice, body.counter);
  draw(dice, body.carrier);
  body.size = static_cast<cubby_v1_Size>(dice.below(5));
  body.has_dwell_ms = dice.chance(500'000);
  draw(dice, body.dwell_ms);
  draw(dice, body.attempts);
  draw(dice, body.open_ms);
  body.item = static_cast<cubby_v1_ItemReading>(dice.below(3));
}

TEST(EventCodec, WritesWhatNanopbWouldWrite) {
  const google::protobuf::Descriptor& descriptor = *cubby::v1::Event::descriptor();
  EXPECT_EQ(descriptor.field_count() - descriptor.FindOneofByName("body")->field_count(), 3)
      << "encode_event() writes what stands outside the body by hand: add the new field there.";
  constexpr std::uint64_t kSeed = 11;
  Prng dice(kSeed);
  for (int round = 0; round < 5'000; ++round) {
    cubby_v1_Event event = deposited();
    event.boot = static_cast<std::uint32_t>(dice.next() >> (32 + dice.below(33) % 32));
    event.uptime_ms = dice.chance(100'000) ? 0 : dice.next() >> dice.below(64);
    event.has_wall_ms = dice.chance(500'000);
    event.wall_ms = dice.chance(100'000) ? 0 : dice.next() >> dice.below(64);
    draw_deposited(dice, event.body.deposited);
    if (dice.chance(300'000)) {
      event.which_body = cubby_v1_Event_collected_tag;
      draw_collected(dice, event.body.collected);
    } else if (dice.chance(300'000)) {
      event.which_body = cubby_v1_Event_snapshot_tag;  // Its length has one byte or two.
      event.body.snapshot = cubby_v1_Snapshot_init_zero;
      event.body.snapshot.states.size = static_cast<pb_size_t>(dice.below(193));
    } else if (dice.chance(50'000)) {
      event.which_body = 0;
    }
    std::array<pb_byte_t, 400> expected;
    pb_ostream_t stream = pb_ostream_from_buffer(expected.data(), expected.size());
    ASSERT_TRUE(pb_encode(&stream, cubby_v1_Event_fields, &event));
    std::array<std::byte, 400> buffer;
    const MutableBytes room = MutableBytes(buffer).first(stream.bytes_written);
    ASSERT_EQ(encode_event(event, room).value(), stream.bytes_written);
    ASSERT_EQ(std::memcmp(buffer.data(), expected.data(), stream.bytes_written), 0);
    if (!room.empty()) {
      ASSERT_EQ(encode_event(event, room.first(room.size() - 1)).status(), Status::kNoSpace);
    }
  }
}

TEST(EventCodec, HasRoomForTheGreatestConfiguration) {
  const std::vector<std::byte> config(limits::kConfigBytesMax, std::byte{0x5A});
  const std::array<std::byte, 8> hash{};
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  event.boot = UINT32_MAX;
  event.uptime_ms = UINT64_MAX;
  event.has_wall_ms = true;
  event.wall_ms = UINT64_MAX;
  const Bytes config_bytes = config;
  set_config_applied(event, config_bytes, hash);
  std::array<std::byte, limits::kEventBytesMax> buffer;
  const Result<std::size_t> size = encode_event(event, buffer);
  ASSERT_TRUE(size.ok());
  cubby_v1_Event decoded;
  // The bytes within are not looked into: only whoever applies a configuration decodes it.
  EXPECT_EQ(decode_event(Bytes(buffer).first(size.value()), decoded), Status::kOk);
  EXPECT_EQ(decoded.which_body, cubby_v1_Event_config_applied_tag);
}

TEST(EventCodec, RefusesWhatIsBeyondItsBounds) {
  cubby::v1::Event event;
  event.mutable_deposited()->set_parcel(std::string(33, 'x'));
  cubby_v1_Event decoded;
  EXPECT_EQ(decode_event(as_bytes(event.SerializeAsString()), decoded), Status::kCorrupt);
  event.mutable_deposited()->set_parcel(std::string(32, 'x'));
  EXPECT_EQ(decode_event(as_bytes(event.SerializeAsString()), decoded), Status::kOk);
  event.mutable_deposited()->set_compartment(256);
  EXPECT_EQ(decode_event(as_bytes(event.SerializeAsString()), decoded), Status::kCorrupt);
  event.mutable_snapshot()->set_states(std::string(193, '\1'));
  EXPECT_EQ(decode_event(as_bytes(event.SerializeAsString()), decoded), Status::kCorrupt);
}

TEST(ConfigCodec, HoldsTheGreatestStationAndNoGreater) {
  cubby::v1::StationConfig config;
  config.set_station(std::string(32, 'S'));
  for (int door = 0; door < 192; ++door) {
    config.add_door_board(static_cast<std::uint32_t>(door / 8));
    config.add_door_channel(static_cast<std::uint32_t>(door % 8));
    config.add_door_size(cubby::v1::SIZE_L);
    config.add_door_height_cm(250);
  }
  for (int board = 0; board < 24; ++board) {
    config.add_boards()->set_address(static_cast<std::uint32_t>(board + 1));
  }
  auto decoded = std::make_unique<cubby_v1_StationConfig>();
  const std::string bytes = config.SerializeAsString();
  ASSERT_LE(bytes.size(), limits::kConfigBytesMax);
  ASSERT_EQ(decode_config(as_bytes(bytes), *decoded), Status::kOk);
  EXPECT_EQ(decoded->door_board_count, 192);
  EXPECT_EQ(decoded->door_board[191], 23);
  config.add_door_board(0);
  EXPECT_EQ(decode_config(as_bytes(config.SerializeAsString()), *decoded), Status::kCorrupt);
}

TEST(ConfigCodec, ForgetsWhatTheStructHeldBefore) {
  auto config = std::make_unique<cubby_v1_StationConfig>();
  std::memset(config.get(), 0x55, sizeof(*config));
  ASSERT_EQ(decode_config({}, *config), Status::kOk);
  EXPECT_EQ(config->door_board_count, 0);
  EXPECT_EQ(config->version, 0U);
  EXPECT_EQ(config->station[0], '\0');
}

cubby::v1::StationRules some_rules() {
  cubby::v1::StationRules rules;
  rules.set_version(2);
  rules.set_utc_offset_min(-60);
  rules.set_retention_h(24);
  rules.set_response_deadline_s(90);
  auto* brand = rules.add_brands();
  brand->set_carrier("sf");
  brand->set_share_percent(40);
  return rules;
}

TEST(RulesCodec, ReadsWhatLibprotobufWritesAndWritesTheSame) {
  const std::string bytes = some_rules().SerializeAsString();
  auto rules = std::make_unique<cubby_v1_StationRules>();
  ASSERT_EQ(decode_rules(as_bytes(bytes), *rules), Status::kOk);
  EXPECT_EQ(rules->utc_offset_min, -60);
  ASSERT_EQ(rules->brands_count, 1);
  EXPECT_STREQ(rules->brands[0].carrier, "sf");
  std::array<std::byte, limits::kRulesBytesMax> again;
  const auto size = encode_rules(*rules, again);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(again.data()), size.value()), bytes);
  EXPECT_EQ(encode_rules(*rules, MutableBytes(again).first(size.value() - 1)).status(), Status::kNoSpace);
}

TEST(RulesCodec, TakesTheFieldsInTheirOrderOnly) {
  auto decoded = std::make_unique<cubby_v1_StationRules>();
  EXPECT_EQ(decode_rules(as_bytes(std::string("\x20\x2d\x60\x02")), *decoded), Status::kOk);
  EXPECT_EQ(decode_rules(as_bytes(std::string("\x60\x02\x20\x2d")), *decoded), Status::kNotSupported);
  EXPECT_EQ(decode_rules(as_bytes(std::string("\x20\x2d\x60\x02\x60\x02")), *decoded), Status::kNotSupported);
}

TEST(RulesCodec, TakesNoRuleThatItDoesNotKnowAndNoMoreBrandsThanFit) {
  auto decoded = std::make_unique<cubby_v1_StationRules>();
  auto rules = some_rules();
  rules.GetReflection()->MutableUnknownFields(&rules)->AddVarint(99, 1);
  EXPECT_EQ(decode_rules(as_bytes(rules.SerializeAsString()), *decoded), Status::kNotSupported);
  rules = some_rules();
  auto* brand = rules.mutable_brands(0);
  brand->GetReflection()->MutableUnknownFields(brand)->AddVarint(99, 1);
  EXPECT_EQ(decode_rules(as_bytes(rules.SerializeAsString()), *decoded), Status::kNotSupported);
  rules = some_rules();
  while (rules.brands_size() <= static_cast<int>(limits::kBrandsMax)) {
    rules.add_brands()->set_carrier("yt");
  }
  EXPECT_EQ(decode_rules(as_bytes(rules.SerializeAsString()), *decoded), Status::kCorrupt);
  rules = some_rules();
  rules.mutable_brands(0)->set_share_percent(256);
  EXPECT_EQ(decode_rules(as_bytes(rules.SerializeAsString()), *decoded), Status::kCorrupt);
}

/// A StationRules is a StationConfig without the cabinet: who reads the one can read the other.
TEST(RulesCodec, HasTheNumbersOfStationConfig) {
  cubby::v1::StationConfig config;
  ASSERT_TRUE(config.ParseFromString(some_rules().SerializeAsString()));
  EXPECT_TRUE(config.GetReflection()->GetUnknownFields(config).empty());
  const auto* rules = cubby::v1::StationRules::descriptor();
  for (int i = 0; i < rules->field_count(); ++i) {
    const auto* field = cubby::v1::StationConfig::descriptor()->FindFieldByNumber(rules->field(i)->number());
    ASSERT_NE(field, nullptr);
    EXPECT_EQ(field->name(), rules->field(i)->name());
    EXPECT_EQ(field->type(), rules->field(i)->type());
  }
}

TEST(UplinkCodec, FindsTheRulesOfAConfigureAndOfNothingElse) {
  cubby::v1::Down down;
  down.mutable_command()->set_id(std::string(16, 'i'));
  down.mutable_command()->set_expires_utc_ms(1);
  *down.mutable_command()->mutable_configure()->mutable_rules() = some_rules();
  const std::string bytes = down.SerializeAsString();
  cubby_v1_Down decoded;
  ASSERT_EQ(decode_down(as_bytes(bytes), decoded), Status::kOk);
  EXPECT_EQ(decoded.body.command.which_body, cubby_v1_Command_configure_tag);
  const auto found = find_rules(as_bytes(bytes));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(found.data()), found.size()), some_rules().SerializeAsString());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string part(bytes.data(), size);  // Of exactly that size: a sanitizer sees a read beyond it.
    EXPECT_TRUE(find_rules(as_bytes(part)).empty()) << size;
  }
  down.mutable_command()->mutable_release()->set_compartment(1);
  EXPECT_TRUE(find_rules(as_bytes(down.SerializeAsString())).empty());
}

TEST(BatchWriter, WritesWhatLibprotobufReads) {
  constexpr std::uint64_t kSeed = 7;
  Prng dice(kSeed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::byte> buffer(200 + dice.below(4'000));
    BatchWriter writer(buffer);
    std::vector<std::string> events;
    for (;;) {
      const std::string event(dice.below(dice.chance(100'000) ? 1'600 : 200),
                              static_cast<char>('a' + events.size() % 26));
      const MutableBytes space = writer.space(event.size());
      if (space.size() < event.size() || space.data() == nullptr) {
        break;
      }
      const Bytes from = as_bytes(event);
      std::copy(from.begin(), from.end(), space.begin());
      writer.commit(event.size());
      events.push_back(event);
    }
    ASSERT_EQ(writer.events(), events.size());
    JournalUid uid;
    uid.fill(static_cast<std::byte>(round));
    const std::uint64_t first = dice.next() >> dice.below(64);
    const Chain previous = dice.next();
    const Bytes frame = writer.finish(uid, first, previous);
    const FrameParse parse = parse_frame(frame, limits::kFrameUpMax);
    ASSERT_EQ(parse.kind, FrameParse::Kind::kFrame);
    ASSERT_EQ(parse.consumed, frame.size());
    EXPECT_EQ(parse.frame.channel, kOwnChannel);
    cubby::v1::Up up;
    ASSERT_TRUE(up.ParseFromArray(parse.frame.message.data(), static_cast<int>(parse.frame.message.size())));
    EXPECT_EQ(up.batch().first_seq(), first);
    EXPECT_EQ(up.batch().previous_chain(), previous);
    EXPECT_EQ(up.batch().journal_uid(), std::string(16, static_cast<char>(round)));
    ASSERT_EQ(static_cast<std::size_t>(up.batch().events_size()), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(up.batch().events(static_cast<int>(i)), events[i]);
    }
    // The same bytes as libprotobuf's, but for a zero that Protobuf leaves out.
    if (first != 0 && previous != 0) {
      const std::string message(reinterpret_cast<const char*>(parse.frame.message.data()), parse.frame.message.size());
      EXPECT_EQ(up.SerializeAsString(), message);
    }
  }
}

TEST(UplinkCodec, RefusesBytesOfTheWrongLength) {
  cubby::v1::Down down;
  down.mutable_challenge()->set_nonce(std::string(15, 'n'));
  cubby_v1_Down decoded;
  EXPECT_EQ(decode_down(as_bytes(down.SerializeAsString()), decoded), Status::kCorrupt);
  down.mutable_challenge()->set_nonce(std::string(17, 'n'));
  EXPECT_EQ(decode_down(as_bytes(down.SerializeAsString()), decoded), Status::kCorrupt);
  down.mutable_challenge()->set_nonce(std::string(16, 'n'));
  EXPECT_EQ(decode_down(as_bytes(down.SerializeAsString()), decoded), Status::kOk);
}

}  // namespace
}  // namespace cubby::wire
