// Every frame of tests/vectors/lock_boards.json in the board's role, and what noise makes of them.
#include <gtest/gtest.h>

#include <map>

#include "unit/boards/bench.h"
#include "unit/boards/vectors.h"

namespace cubby::emulator {
namespace {

std::vector<std::size_t> up_to(std::size_t count) {
  std::vector<std::size_t> numbers;
  for (std::size_t number = 1; number <= count; ++number) {
    numbers.push_back(number);
  }
  return numbers;
}

/// What a host's frame must bring about on a board with every door shut.
struct Effect {
  std::string reply;  // Whole; one that ends in ".." is a beginning.
  std::vector<std::size_t> opens;
};
const std::map<std::string, Effect> kP1Effects{
    {"80 01 00 33 B2", {"80 01 FF FF FF 33 ..", {}}}, {"80 01 01 33 B3", {"80 01 01 11 91", {}}},
    {"82 01 00 22 A1", {"82 01 00 AB 28", {}}},       {"8A 01 00 11 9A", {"8A 01 00 11 9A", up_to(24)}},
    {"8A 01 01 11 05 9E", {"8A 01 01 00 8A", {1}}},   {"8A 01 01 11 9B", {"8A 01 01 00 8A", {1}}},
    {"8A 01 02 11 98", {"8A 01 02 00 89", {2}}},      {"8A 01 03 11 99", {"8A 01 03 00 88", {3}}},
    {"8A 01 04 11 9E", {"8A 01 04 00 8F", {4}}},      {"8A 01 06 11 9C", {"8A 01 06 00 8D", {6}}},
    {"8A 01 09 11 93", {"8A 01 09 00 82", {9}}},      {"8A 01 0A 11 90", {"8A 01 0A 00 81", {10}}},
    {"90 01 02 02 02 93", {"", {2, 10, 18}}},         {"9B 01 01 11 8A", {"9B 01 01 11 8A", {}}},
};
const std::map<std::string, Effect> kP2Effects{
    {"02 00 30 03 35", {"02 00 35 FF FF 00 00 03 38", {}}},
    {"02 00 33 03 38", {"", up_to(16)}},
    {"02 01 31 03 37", {"", {2}}},
    {"02 0F 31 03 45", {"", {16}}},
};
const std::map<std::string, Effect> kP5Effects{
    {"01 01 00 00 00 08 3D CC", {"01 01 01 00 51 88", {}}},
    {"01 03 10 00 00 08 40 CC", {"01 03 10 00 00 00 00 ..", {}}},
    {"01 05 00 00 00 00 CD CA", {"01 05 00 00 00 00 CD CA", {}}},
    {"01 05 00 00 55 00 F2 9A", {"01 05 00 00 55 00 F2 9A", {1}}},
    {"01 05 00 00 FF 00 8C 3A", {"01 05 00 00 FF 00 8C 3A", {1}}},
    {"01 05 00 FF FF 00 BC 0A", {"01 05 00 FF FF 00 BC 0A", up_to(8)}},
    {"01 05 02 01 00 02 1C 73", {"01 05 02 01 00 02 1C 73", {2}}},
    // The relay was off, and goes on when the 700 ms are over.
    {"01 05 04 00 00 07 8D 38", {"01 05 04 00 00 07 8D 38", {1}}},
};
const std::map<std::string, Effect> kP6Effects{
    {"DC 02 01 01 00 02", {"DC FE 01 01 02 01 00 05", {}}},
    {"DC 02 01 10 01 01 13", {"DC FE 01 10 02 01 01 15", {1}}},
    {"DC 02 01 12 00 13", {"DC FE 01 12 02 00 00 15", {}}},
    {"DC 02 01 15 02 00 07 1F", {"DC FE 01 15 02 00 07 1F", {1, 2, 3}}},
    {"DC 02 01 18 02 00 07 22", {"DC FE 01 18 02 00 07 22", {1, 2, 3}}},
    {"DC 02 01 1A 02 00 07 24", {"DC FE 01 1A 01 01 1D", {1, 2, 3}}},
};
const std::map<std::string, Effect> kP7Effects{
    {"57 4B 4C 59 08 00 86 87", {"57 4B 4C 59 09 00 86 00 86", up_to(24)}},
    {"57 4B 4C 59 09 00 81 01 80", {"57 4B 4C 59 0A 00 81 00 01 83", {}}},
    {"57 4B 4C 59 09 00 82 01 83", {"57 4B 4C 59 0B 00 82 00 01 00 81", {1}}},
};
const std::map<std::string, Effect>& effects_of(BoardFamily family) {
  switch (family) {
    case BoardFamily::kP1:
      return kP1Effects;
    case BoardFamily::kP2:
      return kP2Effects;
    case BoardFamily::kP5:
      return kP5Effects;
    case BoardFamily::kP6:
      return kP6Effects;
    case BoardFamily::kP7:
      break;
  }
  return kP7Effects;
}

std::vector<std::string> settings_for(BoardFamily family) {
  return family == BoardFamily::kP1 ? std::vector<std::string>{"channels=24"} : std::vector<std::string>{};
}

TEST(GoldenFrames, EveryFrameOfAHostIsUnderstood) {
  std::size_t looked_at = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    if (!frame.from_host || !frame.checksum_ok) {
      continue;
    }
    const auto effect = effects_of(frame.family).find(frame.hex);
    ASSERT_NE(effect, effects_of(frame.family).end()) << frame.hex << " has no expectation here: " << frame.meaning;
    Bench bench(frame.family, settings_for(frame.family));
    const std::string reply = bench.ask(frame.hex, 15'000);
    const std::string& wanted = effect->second.reply;
    if (wanted.ends_with("..")) {
      EXPECT_TRUE(reply.starts_with(wanted.substr(0, wanted.size() - 2))) << frame.hex << ": " << reply;
    } else {
      EXPECT_EQ(reply, wanted) << frame.hex << ": " << frame.meaning;
    }
    EXPECT_EQ(bench.open_doors(), effect->second.opens) << frame.hex << ": " << frame.meaning;
    ++looked_at;
  }
  EXPECT_GE(looked_at, 34U);
}

/// How a board comes to say a frame.
std::string made(BoardFamily family, const std::string& hex) {
  if (hex == "80 01 00 00 00 33 B2") {
    Bench bench(family);
    for (std::size_t door = 1; door <= 8; ++door) {
      bench.force(door);
    }
    return bench.ask("80 01 00 33 B2");
  }
  if (hex == "80 01 01 00 80") {
    Bench bench(family);
    bench.force(1);
    return bench.ask("80 01 01 33 B3");
  }
  if (hex == "82 01 01 11 93") {
    Bench bench(family, {"unsolicited=on"});
    bench.force(1);
    bench.wait(200);
    bench.cabinet.host_hears(bench.now);
    bench.shut(1);
    return bench.hears(200);
  }
  if (hex == "8A 01 01 11 9B") {
    Bench bench(family);
    bench.jam(1);
    return bench.ask(hex);
  }
  if (hex == "02 00 35 FE FF 00 00 03 37") {
    Bench bench(family);
    bench.force(1);
    return bench.ask("02 00 30 03 35");
  }
  Bench bench(family,
              hex == "DC FE 01 10 01 01 13" ? std::vector<std::string>{"reply_form=B"} : std::vector<std::string>{});
  const std::map<std::string, std::string> questions{
      {"02 00 35 FF FF 00 00 03 38", "02 00 30 03 35"},
      {"01 01 01 00 51 88", "01 01 00 00 00 08 3D CC"},
      {"01 0F 00 00 00 08 54 0D", "01 0F 00 00 00 08 01 FF BE D5"},
      {"01 85 03 02 91", sealed_text(BoardFamily::kP5, "01 05 00 00 12 34")},
      {"DC FE 01 10 01 01 13", "DC 02 01 10 01 01 13"},
      {"DC FE 01 12 02 00 00 15", "DC 02 01 12 00 13"},
      {"DC FE 01 14 02 0F FF 25", "DC 02 01 14 00 15"},
      {"DC FE 01 15 02 00 07 1F", "DC 02 01 15 02 00 07 1F"},
      {"DC FE 01 16 01 01 19", "DC 02 01 16 02 01 01 1B"},
      {"57 4B 4C 59 0A 00 81 00 01 83", "57 4B 4C 59 09 00 81 01 80"},
  };
  const auto question = questions.find(hex);
  return question == questions.end() ? "no way to make it is known here" : bench.ask(question->second, 15'000);
}

TEST(GoldenFrames, EveryFrameOfABoardIsSaidBySome) {
  std::size_t looked_at = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    if (!frame.from_host && frame.checksum_ok) {
      EXPECT_EQ(made(frame.family, frame.hex), frame.hex) << frame.meaning;
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 15U);
}

TEST(GoldenFrames, AFrameWhoseChecksumDoesNotVerifyIsMetWithSilence) {
  std::size_t looked_at = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    if (frame.checksum_ok) {
      continue;
    }
    Bench bench(frame.family);
    EXPECT_EQ(bench.ask(frame.hex), "") << frame.meaning;
    EXPECT_TRUE(bench.open_doors().empty());
    EXPECT_EQ(tell_frame(frame.family, from_hex(frame.hex), frame.from_host).size, 0U);
    ++looked_at;
  }
  EXPECT_EQ(looked_at, 2U);
}

TEST(GoldenFrames, EveryGoodFrameIsToldInWords) {
  std::size_t looked_at = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    if (frame.checksum_ok) {
      const ToldFrame told = tell_frame(frame.family, from_hex(frame.hex), frame.from_host);
      EXPECT_EQ(told.size, from_hex(frame.hex).size()) << frame.hex << ": " << told.text;
      EXPECT_NE(told.text, "");
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 49U);
}

TEST(GoldenFrames, OfEveryTruncationNothingComes) {
  std::size_t looked_at = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    const std::vector<std::byte> whole = from_hex(frame.hex);
    for (std::size_t size = 0; size < whole.size() && frame.from_host; ++size) {
      Probe probe(frame.family, settings_for(frame.family));
      const Bytes part = Bytes(whole).first(size);
      const bool another = tell_frame(frame.family, part, true).size != 0;
      EXPECT_EQ(to_hex(probe.feed(part)), "")
          << frame.hex << " cut after " << size << (another ? ", a frame itself" : "");
      EXPECT_TRUE(probe.pulses.empty());
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 200U);
}

/// Whether any frame of the family with a good checksum begins anywhere.
bool has_frame(BoardFamily family, Bytes bytes) {
  for (; !bytes.empty(); bytes = bytes.subspan(1)) {
    if (tell_frame(family, bytes, true).size != 0) {
      return true;
    }
  }
  return false;
}

TEST(GoldenFrames, OneWrongByteIsMetWithSilenceOrMakesAnotherGoodFrame) {
  std::size_t others = 0;
  for (const GoldenFrame& frame : golden_frames()) {
    std::vector<std::byte> bytes = from_hex(frame.hex);
    if (!frame.from_host) {
      continue;
    }
    Probe probe(frame.family, settings_for(frame.family));
    for (std::byte& changed : bytes) {
      const std::byte right = changed;
      for (unsigned value = 0; value < 256; ++value) {
        changed = static_cast<std::byte>(value);
        if (changed == right) {
          continue;
        }
        probe.pulses.clear();
        const std::vector<std::byte> said = probe.feed(bytes, 700);
        const bool quiet = said.empty() && probe.pulses.empty();
        ASSERT_TRUE(quiet || has_frame(frame.family, bytes)) << to_hex(bytes) << " brought " << to_hex(said);
        ASSERT_TRUE(quiet || frame.family != BoardFamily::kP5) << to_hex(bytes) << " has a bad CRC";
        others += quiet ? 0 : 1;
      }
      changed = right;
    }
  }
  EXPECT_EQ(others, 1U) << "8A 01 01 11 9B 9E: the timed unlock without its time";
}

TEST(GoldenFrames, AfterAnyStreamOfBytesABoardStillAnswers) {
  const std::vector<GoldenFrame> frames = golden_frames();
  const std::map<BoardFamily, std::string> questions{{BoardFamily::kP1, "80 01 01 33 B3"},
                                                     {BoardFamily::kP2, "02 00 30 03 35"},
                                                     {BoardFamily::kP5, "01 01 00 00 00 08 3D CC"},
                                                     {BoardFamily::kP6, "DC 02 01 12 00 13"},
                                                     {BoardFamily::kP7, "57 4B 4C 59 09 00 81 01 80"}};
  for (const auto& [family, question] : questions) {
    Prng prng(static_cast<std::uint64_t>(family) + 11);
    Probe probe(family);
    for (int round = 0; round < 3'000; ++round) {
      // Pieces of real frames, with noise between and in them.
      std::vector<std::byte> stream;
      for (std::uint64_t piece = prng.below(6); piece-- > 0;) {
        std::vector<std::byte> bytes = from_hex(frames[prng.below(frames.size())].hex);
        bytes.resize(prng.below(bytes.size() + 1));
        for (std::byte& value : bytes) {
          value = prng.chance(50'000) ? static_cast<std::byte>(prng.below(256)) : value;
        }
        stream.insert(stream.end(), bytes.begin(), bytes.end());
      }
      probe.feed(stream, 12'000);
      ASSERT_FALSE(probe.feed(from_hex(question), 1'000).empty()) << to_string(family) << " after " << to_hex(stream);
    }
  }
}

TEST(GoldenFrames, TwoWrongBitsNeverUnlockAModbusBoard) {
  std::size_t looked_at = 0;
  Probe probe(BoardFamily::kP5);
  for (const GoldenFrame& frame : golden_frames()) {
    const std::vector<std::byte> good = from_hex(frame.hex);
    for (std::size_t a = 0; a < good.size() * 8 && frame.family == BoardFamily::kP5; ++a) {
      for (std::size_t b = a + 1; b < good.size() * 8; ++b) {
        std::vector<std::byte> bad = good;
        bad[a / 8] ^= static_cast<std::byte>(1U << a % 8);
        bad[b / 8] ^= static_cast<std::byte>(1U << b % 8);
        ASSERT_TRUE(probe.feed(bad, 20).empty()) << to_hex(bad);
        ++looked_at;
      }
    }
  }
  EXPECT_TRUE(probe.pulses.empty());
  EXPECT_GE(looked_at, 20'000U);
}

}  // namespace
}  // namespace cubby::emulator
