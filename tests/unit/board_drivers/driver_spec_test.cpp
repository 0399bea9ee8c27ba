// docs/spec/boards.md names the tests of the drivers: they exist, and none is left out.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace {

TEST(Specification, NamesEveryTestOfADriverAndNoneThatIsNotThere) {
  std::ifstream file(CUBBY_TESTS_DIR "/../docs/spec/boards.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::regex name("`((P[0-9]/)?Driver[A-Za-z]+\\.[A-Za-z0-9_/]+)`");
  std::set<std::string> named;
  for (std::sregex_iterator match(text.begin(), text.end(), name), end; match != end; ++match) {
    named.insert((*match)[1].str());
  }
  std::set<std::string> existing;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      existing.insert(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
    }
  }
  existing.erase("Specification.NamesEveryTestOfADriverAndNoneThatIsNotThere");
  EXPECT_GE(named.size(), 100U);
  for (const std::string& test : named) {
    EXPECT_EQ(existing.count(test), 1U) << "boards.md names " << test;
  }
  for (const std::string& test : existing) {
    EXPECT_EQ(named.count(test), 1U) << "boards.md does not name " << test;
  }
}

}  // namespace
