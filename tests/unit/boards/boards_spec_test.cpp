// docs/spec/boards.md names a test for each cell of its matrix and for each fault: they exist, and none of the
// families' tests is left out.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace {

std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t begin = text.find('`'); begin != std::string::npos;) {
    const std::size_t end = text.find('`', begin + 1);
    if (end == std::string::npos) {
      break;
    }
    const std::string name = text.substr(begin + 1, end - begin - 1);
    for (const char* suite : {"BoardP", "GoldenFrames.", "Cabinet.", "DoorRack.", "SerialLine."}) {
      if (name.starts_with(suite)) {
        names.insert(name);
      }
    }
    begin = text.find('`', end + 1);
  }
  return names;
}

TEST(Specification, NamesTestsThatExistAndEveryOneOfAFamily) {
  std::ifstream file(CUBBY_TESTS_DIR "/../docs/spec/boards.md");
  const std::set<std::string> named = names_in(std::string(std::istreambuf_iterator<char>(file), {}));
  std::set<std::string> existing;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      existing.insert(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
    }
  }
  EXPECT_GE(named.size(), 70U);
  for (const std::string& name : named) {
    EXPECT_EQ(existing.count(name), 1U) << "boards.md names " << name;
  }
  for (const std::string& name : existing) {
    if (name.starts_with("BoardP")) {
      EXPECT_EQ(named.count(name), 1U) << "boards.md does not name " << name;
    }
  }
}

}  // namespace
