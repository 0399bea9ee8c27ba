#include "tools/cubby/flash_words.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <string_view>

#include "cubby/v1/event.pb.h"
#include "tools/aggregator/storage/event_json.h"
#include "tools/cubby/flash_history.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace protobuf = google::protobuf;
using store::layout::OwnKind;

// docs/spec/records.md.
constexpr std::array<std::string_view, 7> kKinds{"intent",  "outcome",    "throttle", "called off",
                                                 "command", "terms kept", "rules"};
constexpr std::array<std::string_view, 6> kPurposes{"deposit", "collect", "recall", "service", "remote", "drop-off"};
constexpr std::array<std::string_view, 5> kOutcomes{"opened", "not opened", "not sent", "refused", "unknown"};

template <std::size_t size>
std::string name_in(const std::array<std::string_view, size>& names, std::byte number) {
  const auto value = std::to_integer<std::size_t>(number);
  return value >= 1 && value <= size ? std::string(names[value - 1]) : "number " + std::to_string(value);
}

std::string number_of(std::byte byte) {
  return std::to_string(std::to_integer<unsigned>(byte));
}

std::string ack_words(Bytes payload) {
  if (payload.size() != 40) {
    return "of a wrong size";
  }
  const auto generation = load_le<std::uint64_t>(payload.subspan(32, 8));
  return generation == 0 ? "never acknowledged"
                         : "acknowledged up to event " + std::to_string(load_le<std::uint64_t>(payload)) +
                               ", generation " + std::to_string(generation);
}

std::string retired_words(Bytes payload) {
  std::string words;
  for (std::size_t i = 0; i < payload.size() * 8; ++i) {
    if ((std::to_integer<unsigned>(payload[i / 8]) >> (i % 8) & 1U) != 0) {
      words += (words.empty() ? "sector " : ", ") + std::to_string(i);
    }
  }
  return words.empty() ? "no sector" : words;
}

std::string own_words(const FlashRecord& record) {
  switch (static_cast<OwnKind>(record.header.kind)) {
    case OwnKind::kCopyDone:
      return "kCopyDone: the boot's sector is complete";
    case OwnKind::kCheckpointBegin:
      return "kCheckpointBegin";
    case OwnKind::kCheckpointPart:
      return "kCheckpointPart";
    case OwnKind::kCheckpointEnd:
      return "kCheckpointEnd: " + ack_words(record.payload);
    case OwnKind::kAckMark:
      return "kAckMark: " + ack_words(record.payload);
    case OwnKind::kRetired:
      return "kRetired: " + retired_words(record.payload);
    case OwnKind::kSettled:
      return record.payload.size() == 4 ? "kSettled: boot " + std::to_string(load_le<std::uint32_t>(record.payload))
                                        : "kSettled, of a wrong size";
  }
  return "kind " + std::to_string(record.header.kind) + ", unknown";
}

std::string core_words(const FlashRecord& record) {
  const std::size_t place = record.header.kind - std::size_t{store::kFirstForeignKind};
  if (place >= kKinds.size()) {
    return "kind " + std::to_string(record.header.kind) + ", unknown";
  }
  const Bytes bytes = record.payload;
  std::string words(kKinds[place]);
  if (place == 0 && bytes.size() >= 3) {
    words += ": compartment " + number_of(bytes[0]) + ", " + name_in(kPurposes, bytes[1]) + ", attempt " +
             number_of(bytes[2]);
  } else if (place == 1 && bytes.size() >= 2) {
    words += ": compartment " + number_of(bytes[0]) + ", " + name_in(kOutcomes, bytes[1]);
  } else if (place == 2 && bytes.size() == 4) {
    words += ": " + std::to_string(load_le<std::uint32_t>(bytes)) + " wrong codes in a row";
  } else if (place == 3 && bytes.size() == 1) {
    words += ": compartment " + number_of(bytes[0]);
  }
  return words;
}

std::string scalar_words(const protobuf::Message& body, const protobuf::FieldDescriptor* field) {
  const protobuf::Reflection& reflection = *body.GetReflection();
  if (field->is_repeated()) {
    return std::to_string(reflection.FieldSize(body, field));
  }
  switch (field->cpp_type()) {
    case protobuf::FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetUInt32(body, field));
    case protobuf::FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetUInt64(body, field));
    case protobuf::FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection.GetInt32(body, field));
    case protobuf::FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(body, field) ? "yes" : "no";
    case protobuf::FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = field->enum_type()->FindValueByNumber(reflection.GetEnumValue(body, field));
      return value != nullptr ? value->name() : std::to_string(reflection.GetEnumValue(body, field));
    }
    case protobuf::FieldDescriptor::CPPTYPE_STRING:
      return field->type() == protobuf::FieldDescriptor::TYPE_BYTES ? "given" : reflection.GetString(body, field);
    default:
      return "given";
  }
}

std::string event_words(Bytes payload) {
  v1::Event event;
  if (!aggregator::read_whole_event(payload, event)) {
    return "event that this build does not know";
  }
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event.body_case()));
  std::string words = field->name();
  words += ": boot " + std::to_string(event.boot());
  words += event.has_wall_ms() ? ", " + format_utc(event.wall_ms())
                               : ", uptime " + std::to_string(event.uptime_ms()) + " ms";
  const protobuf::Message& body = event.GetReflection()->GetMessage(event, field);
  std::vector<const protobuf::FieldDescriptor*> fields;
  body.GetReflection()->ListFields(body, &fields);
  for (const auto* part : fields) {
    if (part->name() != "parcel" && part->name() != "recipient_token") {
      words += ", " + part->name() + " " + scalar_words(body, part);
    }
  }
  return words;
}

}  // namespace

std::string record_words(const FlashRecord& record) {
  if (record.is_event()) {
    return event_words(record.payload);
  }
  return record.header.kind < store::kFirstForeignKind ? own_words(record) : core_words(record);
}

std::string event_line(const FlashRecord& record, std::size_t address) {
  const store::layout::RecordHeader& header = record.header;
  return R"({"seq":")" + std::to_string(header.seq) + R"(","chain":")" + std::to_string(header.chain) +
         R"(","order":")" + std::to_string(header.order) + R"(","offset":)" + std::to_string(address) + R"(,"size":)" +
         std::to_string(record.payload.size()) + R"(,"event":)" + aggregator::event_json(record.payload) + "}";
}

}  // namespace cubby::tools
