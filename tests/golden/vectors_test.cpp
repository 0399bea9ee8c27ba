#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>

#include "cubby/v1/config.pb.h"
#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"
#include "firmware/base/limits.h"
#include "firmware/base/prng.h"
#include "firmware/wire/codec/config_codec.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/codec/uplink_codec.h"
#include "firmware/wire/framing/frame.h"
#include "golden/vector_file.h"
#include "pb_decode.h"
#include "pb_encode.h"

/// Ties the two implementations of Protobuf together: the controller's (nanopb) and the centre's
/// (libprotobuf) write the same bytes and read each other's, and both still do what they once did.
namespace cubby::golden {
namespace {

std::unique_ptr<google::protobuf::Message> new_message(const std::string& name) {
  if (name == "Up") {
    return std::make_unique<cubby::v1::Up>();
  }
  if (name == "Down") {
    return std::make_unique<cubby::v1::Down>();
  }
  if (name == "Event") {
    return std::make_unique<cubby::v1::Event>();
  }
  if (name == "StationConfig") {
    return std::make_unique<cubby::v1::StationConfig>();
  }
  if (name == "StationRules") {
    return std::make_unique<cubby::v1::StationRules>();
  }
  return nullptr;
}

std::string to_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string encode(const pb_msgdesc_t* fields, const void* message) {
  std::array<pb_byte_t, 4096> buffer;
  pb_ostream_t stream = pb_ostream_from_buffer(buffer.data(), buffer.size());
  EXPECT_TRUE(pb_encode(&stream, fields, message)) << PB_GET_ERROR(&stream);
  return {reinterpret_cast<const char*>(buffer.data()), stream.bytes_written};
}

bool decode(const pb_msgdesc_t* fields, void* message, const std::string& bytes) {
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
  return pb_decode(&stream, fields, message);
}

/// Frames are nanopb's way out of the controller; this takes the message out again.
std::string message_of(Bytes frame) {
  const wire::FrameParse parse = wire::parse_frame(frame, limits::kFrameUpMax);
  EXPECT_EQ(parse.kind, wire::FrameParse::Kind::kFrame);
  EXPECT_EQ(parse.consumed, frame.size());
  return to_text(parse.frame.message);
}

std::string rewrite_batch(const std::string& bytes) {
  cubby::v1::Up up;
  EXPECT_TRUE(up.ParseFromString(bytes));
  std::array<std::byte, 4096> buffer;
  wire::BatchWriter writer(buffer);
  for (const std::string& event : up.batch().events()) {
    const MutableBytes space = writer.space(event.size());
    const Bytes from = as_bytes(event);
    std::copy(from.begin(), from.end(), space.begin());
    writer.commit(event.size());
  }
  JournalUid uid;
  std::copy_n(as_bytes(up.batch().journal_uid()).begin(), uid.size(), uid.begin());
  return message_of(writer.finish(uid, up.batch().first_seq(), up.batch().previous_chain()));
}

std::string rewrite_event(const std::string& bytes) {
  auto event = std::make_unique<cubby_v1_Event>();
  if (wire::decode_event(as_bytes(bytes), *event) != Status::kOk) {
    return "not decoded";
  }
  std::array<std::byte, limits::kEventBytesMax> buffer;
  std::string config;
  Bytes config_bytes;
  if (event->which_body == cubby_v1_Event_config_applied_tag) {
    cubby::v1::Event parsed;
    EXPECT_TRUE(parsed.ParseFromString(bytes));
    config = parsed.config_applied().config().SerializeAsString();
    config_bytes = as_bytes(config);
    const std::string hash = parsed.config_applied().config_hash();
    wire::set_config_applied(*event, config_bytes, as_bytes(hash));
  }
  const Result<std::size_t> size = wire::encode_event(*event, buffer);
  return size.ok() ? to_text(Bytes(buffer).first(size.value())) : "not encoded";
}

std::string rewrite_rules(Bytes bytes) {
  auto rules = std::make_unique<cubby_v1_StationRules>();
  if (wire::decode_rules(bytes, *rules) != Status::kOk) {
    return "not decoded";
  }
  std::array<std::byte, limits::kRulesBytesMax> buffer;
  const Result<std::size_t> size = wire::encode_rules(*rules, buffer);
  return size.ok() ? to_text(Bytes(buffer).first(size.value())) : "not encoded";
}

/// The controller takes the rules of a Configure out of the message and never writes one.
std::string rewrite_configure(const std::string& bytes) {
  cubby::v1::Down down;
  EXPECT_TRUE(down.ParseFromString(bytes));
  auto* rules = down.mutable_command()->mutable_configure()->mutable_rules();
  return rules->ParseFromString(rewrite_rules(wire::find_rules(as_bytes(bytes)))) ? down.SerializeAsString()
                                                                                  : "not decoded";
}

/// Reads the bytes with nanopb and writes them again with it.
std::string rewrite_with_nanopb(const std::string& message, const std::string& bytes) {
  if (message == "Event") {
    return rewrite_event(bytes);
  }
  if (message == "StationConfig") {
    auto config = std::make_unique<cubby_v1_StationConfig>();
    if (wire::decode_config(as_bytes(bytes), *config) != Status::kOk) {
      return "not decoded";
    }
    std::array<std::byte, limits::kConfigBytesMax> buffer;
    const Result<std::size_t> size = wire::encode_config(*config, buffer);
    return size.ok() ? to_text(Bytes(buffer).first(size.value())) : "not encoded";
  }
  if (message == "StationRules") {
    return rewrite_rules(as_bytes(bytes));
  }
  if (message == "Down") {
    cubby_v1_Down down;
    if (wire::decode_down(as_bytes(bytes), down) != Status::kOk) {
      return "not decoded";
    }
    const bool configure =
        down.which_body == cubby_v1_Down_command_tag && down.body.command.which_body == cubby_v1_Command_configure_tag;
    return configure ? rewrite_configure(bytes) : encode(cubby_v1_Down_fields, &down);
  }
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  if (!decode(cubby_v1_Up_fields, &up, bytes)) {
    return "not decoded";
  }
  if (up.which_body == cubby_v1_Up_batch_tag) {
    return rewrite_batch(bytes);
  }
  std::array<std::byte, 512> buffer;
  const Result<std::size_t> size = wire::encode_up_frame(up, buffer);
  return size.ok() ? message_of(Bytes(buffer).first(size.value())) : "not encoded";
}

bool nanopb_reads(const std::string& message, const std::string& bytes) {
  if (message == "Event") {
    auto event = std::make_unique<cubby_v1_Event>();
    return wire::decode_event(as_bytes(bytes), *event) == Status::kOk;
  }
  if (message == "StationConfig") {
    auto config = std::make_unique<cubby_v1_StationConfig>();
    return wire::decode_config(as_bytes(bytes), *config) == Status::kOk;
  }
  if (message == "StationRules") {
    auto rules = std::make_unique<cubby_v1_StationRules>();
    return wire::decode_rules(as_bytes(bytes), *rules) == Status::kOk;
  }
  if (message == "Down") {
    cubby_v1_Down down;
    return wire::decode_down(as_bytes(bytes), down) == Status::kOk;
  }
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  return decode(cubby_v1_Up_fields, &up, bytes);
}

TEST(GoldenVectors, AreWhatLibprotobufWrites) {
  std::vector<Vector> vectors = load_vectors();
  bool missing = false;
  for (Vector& vector : vectors) {
    SCOPED_TRACE(vector.name);
    const std::unique_ptr<google::protobuf::Message> message = new_message(vector.message);
    ASSERT_NE(message, nullptr) << vector.message;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(vector.text, message.get()));
    std::string bytes;
    ASSERT_TRUE(message->SerializeToString(&bytes));
    if (vector.bytes.empty()) {
      missing = true;
      vector.bytes = bytes;
    }
    EXPECT_EQ(to_hex(bytes), to_hex(vector.bytes));
  }
  if (missing) {
    ASSERT_NE(std::getenv("UPDATE_GOLDEN"), nullptr) << "A vector has no bytes yet: run with UPDATE_GOLDEN=1.";
    add_missing_bytes(vectors);
  }
}

TEST(GoldenVectors, AreReadAndWrittenByBothSidesByteForByte) {
  for (const Vector& vector : load_vectors()) {
    SCOPED_TRACE(vector.name);
    const std::unique_ptr<google::protobuf::Message> message = new_message(vector.message);
    ASSERT_TRUE(message->ParseFromString(vector.bytes));
    EXPECT_TRUE(message->GetReflection()->GetUnknownFields(*message).empty());
    EXPECT_EQ(to_hex(message->SerializeAsString()), to_hex(vector.bytes));
    EXPECT_EQ(to_hex(rewrite_with_nanopb(vector.message, vector.bytes)), to_hex(vector.bytes));
  }
}

TEST(GoldenVectors, HoldEveryKindOfMessageAndEvent) {
  std::set<std::string> seen;
  for (const Vector& vector : load_vectors()) {
    const std::unique_ptr<google::protobuf::Message> message = new_message(vector.message);
    ASSERT_TRUE(message->ParseFromString(vector.bytes));
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    message->GetReflection()->ListFields(*message, &fields);
    for (const google::protobuf::FieldDescriptor* field : fields) {
      seen.insert(vector.message + "." + field->name());
    }
  }
  for (const std::string name : {"Up", "Down", "Event"}) {
    const google::protobuf::OneofDescriptor* body = new_message(name)->GetDescriptor()->FindOneofByName("body");
    for (int i = 0; i < body->field_count(); ++i) {
      EXPECT_TRUE(seen.contains(name + "." + body->field(i)->name()))
          << "no vector has " << body->field(i)->full_name();
    }
  }
}

TEST(GoldenVectors, CutAnywhereAreJudgedTheSameByBothSides) {
  for (const Vector& vector : load_vectors()) {
    SCOPED_TRACE(vector.name);
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      // A copy of exactly that size, so that a sanitizer sees a read beyond it.
      const std::string part(vector.bytes.data(), size);
      const bool judged = new_message(vector.message)->ParseFromString(part);
      EXPECT_EQ(nanopb_reads(vector.message, part), judged) << "cut to " << size;
    }
  }
}

TEST(GoldenVectors, WithFlippedBitsNeverBreakTheController) {
  constexpr std::uint64_t kSeed = 20'261'123;
  Prng dice(kSeed);
  int refused = 0;
  for (const Vector& vector : load_vectors()) {
    for (int i = 0; i < 2'000; ++i) {
      std::string bytes = vector.bytes;
      for (std::uint64_t flips = 1 + dice.below(4); flips > 0 && !bytes.empty(); --flips) {
        char& byte = bytes[dice.below(bytes.size())];
        byte = static_cast<char>(byte ^ (1 << dice.below(8)));
      }
      refused += nanopb_reads(vector.message, bytes) ? 0 : 1;  // Either answer; a sanitizer watches the memory.
    }
  }
  EXPECT_GT(refused, 1'000) << "flipped bits that nobody minds were not flipped";
}

}  // namespace
}  // namespace cubby::golden
