#include "tools/emulator/ack_meter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/prng.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::tools {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kSeed = 20'250'303;
constexpr AckMeter::Time kBegin{};

std::vector<std::byte> frame_of(const google::protobuf::MessageLite& message) {
  const std::string text = message.SerializeAsString();
  std::array<std::byte, wire::kFrameHeaderMax> head;
  const std::size_t size = wire::encode_frame_header(1, text.size(), head);
  std::vector<std::byte> frame(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
  const Bytes bytes = as_bytes(text);
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  return frame;
}

std::vector<std::byte> batch(std::uint64_t first_seq, int events) {
  v1::Up up;
  up.mutable_batch()->set_first_seq(first_seq);
  for (int i = 0; i < events; ++i) {
    up.mutable_batch()->add_events("event");
  }
  return frame_of(up);
}

std::vector<std::byte> ack(std::uint64_t seq) {
  v1::Down down;
  down.mutable_ack()->set_durable_seq(seq);
  return frame_of(down);
}

TEST(TimeHistogram, PutsEveryTimeIntoTheBucketThatBoundsIt) {
  std::uint64_t below = 0;  // The bound of the bucket before.
  for (std::size_t bucket = 1; bucket < TimeHistogram::kBuckets; ++bucket) {
    const std::uint64_t bound = TimeHistogram::bound_us(bucket);
    for (const std::uint64_t time : {below + 1, bound}) {
      TimeHistogram histogram;
      histogram.add(time, 1);
      ASSERT_EQ(histogram.count_of(bucket), 1U) << time;
      ASSERT_LE(static_cast<double>(bound), static_cast<double>(time) * 1.032) << time;
    }
    below = bound;
  }
  EXPECT_EQ(below, TimeHistogram::kMaxUs);
}

TEST(TimeHistogram, GivesTheQuantilesOfTheSortedTimesAlsoWhenItIsASum) {
  Prng random(kSeed);
  std::vector<std::uint64_t> times;
  std::array<TimeHistogram, 2> parts;
  for (std::size_t i = 0; i < 5'000; ++i) {
    times.push_back(100 + random.below(1U << 10) * random.below(1U << 10));
    parts[i % 2].add(times.back(), 1);
  }
  std::sort(times.begin(), times.end());
  parts[0].add(parts[1]);
  ASSERT_EQ(parts[0].count(), times.size());
  for (std::uint64_t percent = 1; percent <= 100; ++percent) {
    const std::uint64_t exact = times[(times.size() * percent + 99) / 100 - 1];
    ASSERT_GE(parts[0].quantile_us(percent, 100), exact) << percent;
    ASSERT_LE(static_cast<double>(parts[0].quantile_us(percent, 100)), static_cast<double>(exact) * 1.032) << percent;
  }
  EXPECT_EQ(parts[0].max_us(), times.back());
  EXPECT_EQ(TimeHistogram().quantile_us(99, 100), 0U);
}

TEST(TimeHistogram, CountsWhatIsTooLongAsTheLongest) {
  TimeHistogram histogram;
  histogram.add(UINT64_MAX, 3);
  EXPECT_EQ(histogram.max_us(), TimeHistogram::kMaxUs);
  EXPECT_EQ(histogram.count(), 3U);
}

TEST(AckMeter, TimesEveryEventFromItsBatchToTheAckThatCoversIt) {
  AckMeter meter;
  TimeHistogram times;
  EXPECT_EQ(meter.on_sent(batch(1, 4), kBegin), 4U);
  EXPECT_EQ(meter.on_sent(batch(5, 1), kBegin + milliseconds(10)), 1U);
  EXPECT_EQ(meter.on_sent(batch(6, 2), kBegin + milliseconds(20)), 2U);
  meter.on_received(ack(3), kBegin + milliseconds(30), times);
  EXPECT_EQ(times.count(), 0U);  // A part of the first batch: its time is that of its last event.
  meter.on_received(ack(5), kBegin + milliseconds(40), times);
  EXPECT_EQ(times.count(), 5U);
  EXPECT_EQ(times.max_us(), 40'000U);
  meter.on_received(ack(5), kBegin + milliseconds(50), times);  // Of a ping.
  EXPECT_EQ(times.count(), 5U);
  meter.on_received(ack(7), kBegin + milliseconds(120), times);
  EXPECT_EQ(times.count(), 7U);
  EXPECT_EQ(times.max_us(), 100'000U);
}

TEST(AckMeter, FindsAnAckWhereverTheStreamIsCut) {
  std::vector<std::byte> stream = frame_of(v1::Down());
  for (const std::uint64_t seq : {1, 2}) {
    const std::vector<std::byte> frame = ack(seq);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    AckMeter meter;
    TimeHistogram times;
    meter.on_sent(batch(1, 1), kBegin);
    meter.on_sent(batch(2, 1), kBegin);
    meter.on_received(Bytes(stream).first(cut), kBegin + milliseconds(1), times);
    meter.on_received(Bytes(stream).subspan(cut), kBegin + milliseconds(2), times);
    ASSERT_EQ(times.count(), 2U) << cut;
  }
}

TEST(AckMeter, KeepsNoMoreThanItsLimitAndLosesNoEvent) {
  AckMeter meter;
  TimeHistogram times;
  constexpr std::uint64_t kBatches = 3 * AckMeter::kWaitingMax;
  for (std::uint64_t seq = 1; seq <= kBatches; ++seq) {
    meter.on_sent(batch(seq, 1), kBegin + milliseconds(seq));
  }
  meter.on_received(ack(kBatches - 1), kBegin + milliseconds(1'000), times);
  EXPECT_EQ(times.count(), AckMeter::kWaitingMax - 1);  // The rest counts as one, which is not whole yet.
  meter.on_received(ack(kBatches), kBegin + milliseconds(1'000), times);
  EXPECT_EQ(times.count(), kBatches);
}

TEST(AckMeter, PassesOverWhatIsNoFrame) {
  AckMeter meter;
  TimeHistogram times;
  const std::array<std::byte, 3> garbage{std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};
  EXPECT_EQ(meter.on_sent(garbage, kBegin), 0U);
  meter.on_sent(batch(1, 1), kBegin);
  meter.on_received(garbage, kBegin, times);
  EXPECT_EQ(times.count(), 0U);
}

}  // namespace
}  // namespace cubby::tools
