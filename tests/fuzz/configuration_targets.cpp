// What people write: configurations of a station, as a file and as the message that it becomes, and profiles of a
// fleet. What is taken keeps every rule and is the same again; what is not says where it is wrong, in lines that a
// terminal can show.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "emulator/scenario/profiles.h"
#include "firmware/app/config_check.h"
#include "firmware/ports/posix/controller_config.h"
#include "firmware/wire/codec/config_codec.h"
#include "fuzz/stories.h"
#include "fuzz/targets.h"

namespace cubby::fuzz {
namespace {

constexpr std::size_t kSentencesMax = 10'000;

constexpr char kGood[] = R"([bus]
device = "/dev/ttyUSB0"
[panel]
device = "tcp://127.0.0.1:7600"
[journal]
file = "journal"
sectors = 32
[uplink]
aggregator = "127.0.0.1:7400"
[keys]
station = "station.key"
pass = "pass.key"
[station]
version = 1
name = "SX-TY-0007"
city = "Taiyuan"
utc_offset = "+08:00"
[rules]
retention_h = 72
[[brand]]
carrier = "sf"
share_percent = 40
[[board]]
family = "p5"
address = 1
channels = 8
[[doors]]
board = 1
channels = "1-8"
sizes = "LLMMMSSS"
)";

/// `good`, or what is left of it: at places from the input something is taken out and put in, or all is replaced behind
/// a byte of 255.
std::string edited(Input& input, std::string_view good, std::size_t size_max) {
  std::string text(good);
  for (int edits = 0; !input.empty() && edits < 20; ++edits) {
    const unsigned kind = input.byte();
    if (kind == 255) {
      return text_of(input.take(size_max));
    }
    const std::size_t at = (input.byte() * std::size_t{256} + input.byte()) % (text.size() + 1);
    const std::size_t out = std::min<std::size_t>(input.one_of(32), text.size() - at);
    text.replace(at, out, text_of(input.take(kind % 32)));
  }
  return text;
}

void expect_sentences(const std::vector<std::string>& sentences, std::string_view beginning) {
  require(sentences.size() <= kSentencesMax, "there is an end to what is wrong");
  for (const std::string& sentence : sentences) {
    require(sentence.starts_with(beginning), "it says where");
    require(std::none_of(sentence.begin(), sentence.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }),
            "on one line that a terminal can show");
  }
}

void expect_same_again(const cubby_v1_StationConfig& config, Bytes encoded) {
  const auto decoded = std::make_unique<cubby_v1_StationConfig>();
  require(wire::decode_config(encoded, *decoded) == Status::kOk, "what was encoded is decoded");
  std::vector<std::byte> again(encoded.size() + 64);
  const auto size = wire::encode_config(*decoded, again);
  require(size.ok() && size.value() == encoded.size() && std::equal(encoded.begin(), encoded.end(), again.begin()),
          "and is the same again");
  require(app::check_config(*decoded) == app::check_config(config), "and is judged the same");
}

}  // namespace

/// Input: as edited() wants it.
void configuration_file(Bytes bytes) {
  Input input(bytes);
  const std::string text = edited(input, kGood, bytes.size());
  const auto config = std::make_unique<posix::ControllerConfig>();
  const auto sentences = posix::read_config("cabinet.toml", text, {}, *config);
  expect_sentences(sentences, "cabinet.toml:");
  if (sentences.empty()) {
    require(app::check_config(config->station) == Status::kOk, "what is taken keeps every rule");
    expect_same_again(config->station, config->encoded);
  }
}

/// Input: which profile, whether there is a setting, its size and text; then as edited() wants it.
void profile_file(Bytes bytes) {
  Input input(bytes);
  const auto names = emulator::profile_names();
  emulator::ProfileRequest request{.name = "fuzz", .file = "fuzz.toml", .text = {}, .settings = {}};
  const std::string_view good = emulator::profile_text(names[input.one_of(names.size())]);
  if (input.flag()) {
    request.settings.push_back(text_of(input.take(input.one_of(64))));
  }
  request.text = edited(input, good, bytes.size());
  emulator::Profile profile;
  const auto sentences = emulator::read_profile(request, profile);
  for (const std::string& sentence : sentences) {
    expect_sentences({sentence}, sentence.starts_with("--set") ? "--set" : "fuzz.toml");
  }
  if (!sentences.empty()) {
    return;
  }
  emulator::Profile again;
  const emulator::ProfileRequest printed{
      .name = "fuzz", .file = "fuzz.toml", .text = emulator::print_profile(profile), .settings = {}};
  require(emulator::read_profile(printed, again).empty() && profile_identity(again) == profile_identity(profile),
          "what is printed reads back as the same profile");
}

/// Input: a StationConfig, and the same bytes as StationRules.
void configuration_message(Bytes bytes) {
  const auto config = std::make_unique<cubby_v1_StationConfig>();
  if (wire::decode_config(bytes, *config) == Status::kOk) {
    std::vector<std::byte> encoded(cubby_v1_StationConfig_size);
    const auto size = wire::encode_config(*config, encoded);
    require(size.ok(), "what was decoded is encoded");
    expect_same_again(*config, Bytes(encoded).first(size.value()));
  }
  const auto rules = std::make_unique<cubby_v1_StationRules>();
  if (wire::decode_rules(bytes, *rules) == Status::kOk) {
    std::vector<std::byte> encoded(bytes.size() + 64);
    const auto size = wire::encode_rules(*rules, encoded);
    require(size.ok() && size.value() == bytes.size() && std::equal(bytes.begin(), bytes.end(), encoded.begin()),
            "rules are taken in one form only");
  }
}

}  // namespace cubby::fuzz
