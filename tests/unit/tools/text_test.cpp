#include <gtest/gtest.h>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

TEST(Text, Durations) {
  EXPECT_EQ(parse_duration_ms("90"), 90'000U);
  EXPECT_EQ(parse_duration_ms("250ms"), 250U);
  EXPECT_EQ(parse_duration_ms("90s"), 90'000U);
  EXPECT_EQ(parse_duration_ms("10m"), 600'000U);
  EXPECT_EQ(parse_duration_ms("2h"), 7'200'000U);
  EXPECT_EQ(parse_duration_ms("366d"), 366ULL * 86'400'000);
  for (const char* bad : {"", "m", "-1", "+1", "1.5h", "1 h", "1w", "367d", "99999999999999999999", "0x10", "1hh"}) {
    EXPECT_FALSE(parse_duration_ms(bad).has_value()) << bad;
  }
}

TEST(Text, DecimalsHaveNoExponent) {
  EXPECT_EQ(decimal_text(4.25), "4.25");
  EXPECT_EQ(decimal_text(0), "0");
  EXPECT_EQ(decimal_text(-1e-7), "-0.0000001");
  EXPECT_EQ(decimal_text(5e15), "5000000000000000");
  EXPECT_EQ(decimal_text(5e-324).size(), 326U);
  EXPECT_EQ(decimal_text(-1.7976931348623157e308).size(), 310U);
}

TEST(Text, Times) {
  EXPECT_EQ(parse_utc_ms("1970-01-01"), 0U);
  EXPECT_EQ(parse_utc_ms("2025-03-03T08:00:00Z"), 1'740'988'800'000U);
  EXPECT_EQ(parse_utc_ms("2024-02-29"), 1'709'164'800'000U);
  EXPECT_EQ(format_utc(1'740'988'800'000U), "2025-03-03T08:00:00Z");
  for (const char* bad : {"", "2025", "2025-02-29", "2025-13-01", "2025-00-10", "2025-03-03T24:00:00Z",
                          "2025-03-03T08:00:00", "2025-03-03 08:00:00Z", "2025-03-03T08:00:60Z", "tomorrow"}) {
    EXPECT_FALSE(parse_utc_ms(bad).has_value()) << bad;
  }
}

TEST(Text, TimesComeBackFromTheirText) {
  for (std::uint64_t utc_ms = 0; utc_ms < 4'102'444'800'000; utc_ms += 86'399'000 * 31ULL) {
    EXPECT_EQ(parse_utc_ms(format_utc(utc_ms)), utc_ms);
  }
}

TEST(Text, Endpoints) {
  const auto v4 = parse_endpoint("127.0.0.1:7400");
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 7400);
  const auto v6 = parse_endpoint("[::1]:65535");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->host, "::1");
  for (const char* bad : {"", ":", "host", "host:", ":7400", "host:65536", "host:-1", "host:7x", "[]:1"}) {
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
  }
}

TEST(Text, LoopbackIsNotJudgedByItsBeginning) {
  for (const char* yes : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    EXPECT_TRUE(is_loopback(yes)) << yes;
  }
  for (const char* no : {"127.example.org", "127.0.0.1.example.org", "0.0.0.0", "::", "10.0.0.1", ""}) {
    EXPECT_FALSE(is_loopback(no)) << no;
  }
}

TEST(Text, TheNearestNameIsOffered) {
  const std::vector<std::string> names{"--stations", "--state", "--seed"};
  EXPECT_EQ(nearest("--station", names), "--stations");
  EXPECT_EQ(nearest("--sede", names), "--seed");
  EXPECT_EQ(nearest("--completely-else", names), "");
}

// WORKLOAD's examples: 47312482 has the check digit 9, the SSCC 10614141234567890 has 8.
TEST(Text, ParcelNumbersThatLookLikeStandardsMustCheck) {
  EXPECT_EQ(parcel_number_problem("RB473124829CN"), "");
  EXPECT_NE(parcel_number_problem("RB473124828CN"), "");
  EXPECT_EQ(parcel_number_problem("106141412345678908"), "");
  EXPECT_NE(parcel_number_problem("106141412345678907"), "");
  EXPECT_EQ(parcel_number_problem("SF1234567"), "");  // A brand's own number.
}

}  // namespace
}  // namespace cubby::tools
