#include "tools/aggregator/storage/days.h"

#include <gtest/gtest.h>

namespace cubby::aggregator {
namespace {

TEST(Days, AreReadAndWritten) {
  EXPECT_EQ(day_text(20'150), "2025-03-03");
  EXPECT_EQ(day_from_text("2025-03-03"), 20'150);
  for (const char* wrong : {"", "2025-3-3", "2025-02-30", "2025/03/03", "-025-03-03", "1969-01-01", "2025-03-0x"}) {
    EXPECT_FALSE(day_from_text(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace cubby::aggregator
