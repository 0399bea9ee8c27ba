#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

using Verdict = ConnectionProtocol::Verdict;

TEST(Channels, AreFewForWhoeverHasProvenNothing) {
  Centre centre(test_options());
  TestConnection greeter(centre);
  const TestJournal journal("SX-TY-0001");
  std::uint32_t channel = 0;
  while (greeter.send(++channel, journal.hello()) == Verdict::kGoOn) {
    ASSERT_LE(channel, ConnectionProtocol::kUnprovenMax);
  }
  EXPECT_EQ(channel, ConnectionProtocol::kUnprovenMax + 1);
  EXPECT_EQ(greeter.protocol().channel_count(), ConnectionProtocol::kUnprovenMax);

  TestConnection babbler(centre);
  for (channel = 1; babbler.send(channel, journal.proof(std::string(16, 'n'))) == Verdict::kGoOn; ++channel) {
    ASSERT_LE(channel, ConnectionProtocol::kUnprovenMax);
  }
  EXPECT_EQ(channel, ConnectionProtocol::kUnprovenMax + 1) << "channels that were refused count, too";
}

TEST(Channels, AreManyForAConcentratorThatProvesThemAsItGoes) {
  Centre centre(test_options());
  TestConnection link(centre);
  for (std::uint32_t i = 1; i <= 3 * ConnectionProtocol::kUnprovenMax; ++i) {
    TestJournal journal("SX-TY-" + std::to_string(i), static_cast<unsigned char>(i));
    link.greet(i, journal);
    centre.committed();
    ASSERT_TRUE(link.take_one().has_welcome()) << i;
  }
}

TEST(Channels, OfAFleetInVirtualTimeAreGreetedAllAtOnce) {
  Centre centre(test_options());
  TestConnection link(centre);
  v1::Up time;
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs);
  link.send(0, time);
  const TestJournal journal("SX-TY-0001");
  for (std::uint32_t i = 1; i <= 3 * ConnectionProtocol::kUnprovenMax; ++i) {
    ASSERT_EQ(link.send(i, journal.hello()), Verdict::kGoOn) << i;
  }
}

}  // namespace
}  // namespace cubby::aggregator::testing
