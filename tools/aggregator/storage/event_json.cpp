#include "tools/aggregator/storage/event_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

namespace cubby::aggregator {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string to_hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

bool from_hex(std::string_view text, MutableBytes bytes) {
  if (text.size() != 2 * bytes.size() || text.find_first_not_of(kDigits) != std::string_view::npos) {
    return false;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(kDigits.find(text[2 * i]) * 16 + kDigits.find(text[2 * i + 1]));
  }
  return true;
}

bool read_whole_event(Bytes payload, v1::Event& event) {
  return event.ParseFromArray(payload.data(), static_cast<int>(payload.size())) &&
         event.body_case() != v1::Event::BODY_NOT_SET && event.GetReflection()->GetUnknownFields(event).empty();
}

std::string event_json(Bytes payload, std::string* kind) {
  v1::Event event;
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const bool whole =
      read_whole_event(payload, event) && google::protobuf::util::MessageToJsonString(event, &json, options).ok();
  if (kind != nullptr) {
    *kind = whole ? event.GetDescriptor()->FindFieldByNumber(static_cast<int>(event.body_case()))->name() : "undecoded";
  }
  return whole ? json : R"({"undecoded":")" + to_hex(payload) + R"("})";
}

}  // namespace cubby::aggregator
