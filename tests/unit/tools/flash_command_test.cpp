// The commands of `cubby flash` as they are typed: what they print, their exit codes, and that they change no byte.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "cubby/v1/event.pb.h"
#include "firmware/base/crc.h"
#include "support/temporary_folder.h"
#include "tools/cubby/flash_command.h"
#include "unit/tools/command_run.h"
#include "unit/tools/flash_images.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

using testing::Outcome;

Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "flash");
  return testing::run_command(add_flash_command, std::move(words));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::string deposited(std::uint32_t compartment) {
  v1::Event event;
  event.set_boot(1);
  event.set_uptime_ms(1'000U * compartment);
  event.set_wall_ms(1'740'931'200'000);
  event.mutable_deposited()->set_compartment(compartment);
  event.mutable_deposited()->set_counter(compartment);
  event.mutable_deposited()->set_parcel("RB473124829CN");
  event.mutable_deposited()->set_carrier("sf");
  event.mutable_deposited()->set_size(v1::SIZE_M);
  return event.SerializeAsString();
}

struct FlashCommand : ::testing::Test {
  FlashCommand() {
    for (std::uint32_t i = 1; i <= 5; ++i) {
      EXPECT_EQ(world.event(deposited(i)), Status::kOk);
    }
    EXPECT_EQ(world.event("\xFF no event"), Status::kOk);
    EXPECT_EQ(world.journal.append_internal(64, as_bytes(std::string_view("\x07\x02\x01", 3))), Status::kOk);
    image = image_of(world.flash);
  }
  std::string path(const std::string& name) const { return folder.file(name); }
  std::string write(const Image& bytes) const {
    std::ofstream(path("image"), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path("image");
  }
  static Image read(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const Bytes bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
  }

  store::StoreWorld world;
  Image image;
  tests::TemporaryFolder folder;
};

TEST_F(FlashCommand, InspectExplainsAndHidesParcels) {
  const Outcome told = run({"inspect", write(image), "--records"});
  EXPECT_EQ(told.code, kExitOk) << told.talk;
  for (const char* part :
       {"40960 bytes, 10 sectors of 4096", "events 1 to 6", "begins       0x000050", "unfinished", "acknowledged never",
        "deposited: boot 1, 2025-03-02T16:00:00Z, compartment 3", "intent: compartment 7, collect, attempt 1",
        "event that this build does not know", "up to sector 9", "nothing is lost"}) {
    EXPECT_NE(told.out.find(part), std::string::npos) << part << " is not in:\n" << told.out;
  }
  EXPECT_EQ(told.out.find("RB473124829CN"), std::string::npos);
}

TEST_F(FlashCommand, InspectGivesTheSameAsJson) {
  const Outcome told = run({"inspect", write(image), "--records", "--format", "json"});
  ASSERT_EQ(told.code, kExitOk) << told.talk;
  const json::object whole = json::parse(told.out).as_object();
  EXPECT_EQ(whole.at("mount").as_string(), "Ok");
  EXPECT_EQ(whole.at("sectors").as_array().size(), 10U);
  EXPECT_EQ(whole.at("history").as_object().at("next_seq").as_string(), "7");
  ASSERT_EQ(whole.at("records").as_array().size(), 7U);
  const json::object& second = whole.at("records").as_array()[1].as_object();
  EXPECT_EQ(second.at("seq").as_string(), "2");
  EXPECT_EQ(second.at("event").as_object().at("deposited").as_object().at("compartment").as_int64(), 2);
  EXPECT_TRUE(whole.at("faults").as_array().empty());
}

TEST_F(FlashCommand, ExportGivesEachEventSoThatItCanBeMadeAgain) {
  const Outcome told = run({"export", write(image)});
  ASSERT_EQ(told.code, kExitOk) << told.talk;
  const std::vector<std::string> lines = lines_of(told.out);
  ASSERT_EQ(lines.size(), 6U);
  Chain chain = chain_start(store::uid_of(1));
  for (std::uint32_t i = 1; i <= 5; ++i) {
    const json::object line = json::parse(lines[i - 1]).as_object();
    v1::Event event;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json::serialize(line.at("event")), &event).ok());
    EXPECT_EQ(event.SerializeAsString(), deposited(i));
    chain = chain_next(chain, i, as_bytes(deposited(i)));
    EXPECT_EQ(line.at("chain").as_string(), std::to_string(chain));
    EXPECT_EQ(line.at("seq").as_string(), std::to_string(i));
  }
  EXPECT_EQ(json::parse(lines[5]).as_object().at("event").as_object().at("undecoded").as_string(),
            "ff206e6f206576656e74");
}

TEST_F(FlashCommand, VerifySaysNothingOfAGoodImageAndALineForEachFault) {
  const Outcome good = run({"verify", write(image)});
  EXPECT_EQ(good.code, kExitOk);
  EXPECT_EQ(good.out + good.talk, "");
  image[80 + 40] ^= std::byte{1};
  const Outcome bad = run({"verify", write(image)});
  EXPECT_EQ(bad.code, kExitFailure);
  const auto lines = lines_of(bad.out);
  ASSERT_EQ(lines.size(), 2U) << bad.out;
  EXPECT_TRUE(lines[0].starts_with("sector 0, 0x000050: ")) << lines[0];
  EXPECT_EQ(lines[1], "a mount reports events 1 to 6 as lost");
  const Outcome exported = run({"export", path("image")});
  EXPECT_EQ(exported.code, kExitFailure);
  EXPECT_EQ(exported.out, "");
  EXPECT_NE(exported.talk.find("events may be missing"), std::string::npos);
}

TEST_F(FlashCommand, NoneOfThemChangesTheImage) {
  std::vector<Image> images{image, Image(32 * 4096, std::byte{0xFF}), store::bytes_of(70'000, 1), Image(5)};
  images.push_back(image);
  images.back()[80 + 40] ^= std::byte{1};
  for (const Image& before : images) {
    const std::string file = write(before);
    const auto written = std::filesystem::last_write_time(file);
    for (const char* command : {"inspect", "verify", "export"}) {
      (void)run({command, file});
      EXPECT_EQ(read(file), before);
      EXPECT_EQ(std::filesystem::last_write_time(file), written);
    }
  }
}

TEST_F(FlashCommand, WrongUsageIsTwo) {
  const std::string file = write(image);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {},
           {"mount", file},
           {"verify"},
           {"verify", path("nothing")},
           {"verify", folder.path().string()},
           {"verify", file, "--sector-size", "4095"},
           {"verify", file, "--unit", "3"},
           {"inspect", file, "--format", "xml"},
           {"pull", "--state", folder.path().string(), "--station", "a b", "--out", path("new")}}) {
    EXPECT_EQ(run(words).code, kExitUsage) << (words.empty() ? "" : words[0]);
  }
}

TEST_F(FlashCommand, AFileThatIsLargerThanAnyJournalIsNotRead) {
  std::filesystem::resize_file(write(image), std::uintmax_t{1} << 40U);
  const Outcome told = run({"verify", path("image")});
  EXPECT_EQ(told.code, kExitFailure);
  EXPECT_NE(told.talk.find("no journal is larger than 16777216"), std::string::npos) << told.talk;
}

/// A state as cubby-emulator keeps it, of one station.
struct FlashPulling : FlashCommand {
  void save(std::uint64_t place) const {
    std::vector<std::byte> state(100, std::byte{7});
    world.flash.save(state);
    std::array<std::byte, 4> crc{};
    store_le<std::uint32_t>(crc, crc32c(state) + (place == 101 ? 1 : 0));
    state.insert(state.end(), crc.begin(), crc.end());
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path("state.db").c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database,
                           "CREATE TABLE stations(station INTEGER PRIMARY KEY, state BLOB);"
                           "CREATE TABLE flash(station INTEGER PRIMARY KEY, name TEXT, place INTEGER);"
                           "INSERT INTO stations VALUES(0, ''); INSERT INTO flash VALUES(0, 'SX-TY-0001', 0);",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    for (const auto& [sql, blob] :
         {std::pair{"UPDATE stations SET state = ?", true}, {"UPDATE flash SET place = ?", false}}) {
      ASSERT_EQ(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr), SQLITE_OK);
      ASSERT_EQ(blob ? sqlite3_bind_blob64(statement, 1, state.data(), state.size(), SQLITE_STATIC)
                     : sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(place)),
                SQLITE_OK);
      ASSERT_EQ(sqlite3_step(statement), SQLITE_DONE);
      sqlite3_finalize(statement);
    }
    sqlite3_close(database);
  }
  Outcome pull(const std::string& station = "SX-TY-0001") const {
    return run({"pull", "--state", folder.path().string(), "--station", station, "--out", path("pulled")});
  }
};

TEST_F(FlashPulling, GivesTheFlashByteForByteAndItsWear) {
  save(100);
  const Outcome told = pull();
  EXPECT_EQ(told.code, kExitOk) << told.talk;
  EXPECT_EQ(read(path("pulled")), image);
  EXPECT_NE(told.out.find("40960 bytes, 10 sectors, erased 1 times; the least worn 0, the most worn 1"),
            std::string::npos)
      << told.out;
  EXPECT_EQ(pull().code, kExitFailure) << "a file that is there is left alone";
}

TEST_F(FlashPulling, SaysWhyThereIsNone) {
  EXPECT_EQ(pull().code, kExitFailure) << "no state at all";
  std::ofstream(path("state.db"))
      << "this is no database, but it is long enough to look like one to a reader of files.";
  EXPECT_EQ(pull().code, kExitFailure);
  for (const std::uint64_t place : {0U, 99U, 101U, 1'000'000U}) {
    std::filesystem::remove(folder.file("state.db"));
    save(place);
    const Outcome told = pull();
    EXPECT_EQ(told.code, kExitFailure);
    EXPECT_NE(told.talk.find("is damaged"), std::string::npos) << told.talk;
  }
  EXPECT_NE(pull("SX-TY-0002").talk.find("the state has no SX-TY-0002"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder.file("pulled")));
}

}  // namespace
}  // namespace cubby::tools
