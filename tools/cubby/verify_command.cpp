#include "tools/cubby/verify_command.h"

#include <iostream>
#include <memory>
#include <string>

#include "tools/aggregator/storage/verifier.h"
#include "tools/support/command_line.h"

namespace cubby::tools {
namespace {

struct Options {
  std::string store;
  std::string ledger;
};

constexpr const char* kExamples = R"help(Examples:
  cubby verify --store cubby.db
      recounts every statistic from the event log and checks each station's hash chain
  cubby verify --store cubby.db --ledger ledger.csv
      also compares with what people and doors of an emulated fleet really did)help";

int run(const Options& options) {
  std::vector<aggregator::LedgerRow> ledger;
  if (!options.ledger.empty()) {
    if (const std::string wrong = aggregator::read_ledger(options.ledger, ledger); !wrong.empty()) {
      std::cerr << "cubby verify: --ledger: " << wrong << '\n';
      return kExitFailure;
    }
  }
  const aggregator::Verification result =
      aggregator::verify_store(options.store, options.ledger.empty() ? nullptr : &ledger);
  if (result.verdict.empty()) {
    std::cerr << "cubby verify: --store: '" << options.store << "': " << result.difference << '\n';
    return kExitFailure;
  }
  for (const std::string& line : result.lines) {
    std::cout << line << '\n';
  }
  if (!result.difference.empty()) {
    std::cout << "first difference: " << result.difference << '\n';
  }
  std::cout << result.verdict << '\n';
  return result.difference.empty() ? kExitOk : kExitFailure;
}

}  // namespace

void add_verify_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verify = app.add_subcommand("verify", "Compares event log, statistics and ledger, as integers");
  verify->footer(kExamples);
  verify->add_option("--store", options->store, "the aggregator's SQLite file; it may be running")
      ->required()
      ->check(CLI::ExistingFile);
  verify->add_option("--ledger", options->ledger, "CSV that cubby-emulator --ledger wrote")->check(CLI::ExistingFile);
  verify->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace cubby::tools
