// `cubby store` as it is typed: what it prints, its exit codes, and one line for whatever is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/cubby/store_command.h"
#include "unit/tools/command_run.h"

namespace cubby::tools {
namespace {

using testing::Outcome;

Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "store");
  return testing::run_command(add_store_command, std::move(words));
}

struct StoreCommand : ::testing::Test {
  StoreCommand() {
    const auto opened = aggregator::open_sqlite_store(
        store, [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0xAB}); });
    EXPECT_EQ(opened.error, "");
  }
  tests::TemporaryFolder folder;
  std::string store = folder.file("cubby.db");
  std::string backup = folder.file("backup.db");
};

TEST_F(StoreCommand, CopiesAStoreAndPutsItBack) {
  Outcome outcome = run({"backup", "--store", store, "--to", backup});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.talk;
  EXPECT_NE(outcome.out.find("generation    1\n"), std::string::npos) << outcome.out;
  outcome = run({"restore", "--from", backup, "--store", store});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.talk;
  EXPECT_NE(outcome.out.find("the backup's was 1, the replaced store's 1"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("as it was     " + store + ".before-"), std::string::npos) << outcome.out;
  outcome = run({"info", "--store", store, "--full"});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.talk;
  EXPECT_NE(outcome.out.find("store         abababab"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("by nobody who writes"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("none is damaged"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("generation    1\n"), std::string::npos) << outcome.out;
}

TEST_F(StoreCommand, SaysWhatIsWrongInOneLine) {
  const std::string text = folder.file("text");
  std::ofstream(text) << "no database";
  struct Case {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  const std::string here = folder.path().string();
  for (const Case& wrong :
       {Case{{"backup", "--store", store}, kExitUsage, "--to"},
        Case{{"backup", "--store", here, "--to", backup}, kExitUsage, "--store"},
        Case{{"backup", "--store", folder.file("none"), "--to", backup}, kExitUsage, "--store"},
        Case{{"backup", "--store", store, "--to", here}, kExitUsage, "is a directory"},
        Case{{"backup", "--store", store, "--to", store}, kExitFailure, "exists already"},
        Case{{"backup", "--store", store, "--to", folder.file("no/such")}, kExitUsage, "does not exist"},
        Case{{"backup", "--store", store, "--to", ""}, kExitUsage, "--to"},
        Case{{"backup", "--store", text, "--to", backup}, kExitFailure, "not a database"},
        Case{{"restore", "--from", text, "--store", store}, kExitFailure, "nothing was changed"},
        Case{{"restore", "--from", store, "--store", here}, kExitUsage, "--store"},
        Case{{"restore", "--from", store, "--store", ""}, kExitUsage, "--store"},
        Case{{"restore", "--from", store, "--store", folder.file("no/such")}, kExitUsage, "does not exist"},
        Case{{"restore", "--from", store, "--store", store}, kExitFailure, "the store itself"},
        Case{{"info", "--store", text}, kExitFailure, "not a database"},
        Case{{"info", "--store", store, "--store", store}, kExitUsage, "--store"},
        Case{{"info", "--store", store, "--ful"}, kExitUsage, "--ful"}, Case{{"mend"}, kExitUsage, "mend"},
        Case{{}, kExitUsage, "info, backup, restore"}}) {
    const Outcome outcome = run(wrong.words);
    const std::string what = ::testing::PrintToString(wrong.words) + ": " + outcome.talk;
    EXPECT_EQ(outcome.code, wrong.code) << what;
    EXPECT_EQ(outcome.out, "") << what;
    EXPECT_NE(outcome.talk.find(wrong.says), std::string::npos) << what;
    EXPECT_EQ(std::count(outcome.talk.begin(), outcome.talk.end(), '\n'), 1) << what;
  }
  EXPECT_FALSE(std::filesystem::exists(backup) || std::filesystem::exists(backup + ".partial"));
}

}  // namespace
}  // namespace cubby::tools
