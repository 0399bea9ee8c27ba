#include "power_loss/workload.h"

namespace cubby::power_loss {
namespace {

Step event_step(Prng& random) {
  const bool long_one = random.below(12) == 0;
  return {.kind = StepKind::kEvent, .size = long_one ? 600 + random.below(1001) : 12 + random.below(240)};
}

Step internal_step(Prng& random) {
  return {.kind = StepKind::kInternal, .size = random.below(20) == 0 ? 900 : random.below(80)};
}

// Acknowledged as it goes, checkpoints when due, a reboot now and then.
std::vector<Step> ring_steps(Prng random) {
  std::vector<Step> steps;
  for (int i = 0; i < 560; ++i) {
    const std::uint64_t dice = random.below(100);
    if (dice < 62) {
      steps.push_back(event_step(random));
    } else if (dice < 88) {
      steps.push_back(internal_step(random));
    } else if (dice < 97) {
      steps.push_back({.kind = StepKind::kAcknowledge, .lag = random.below(12)});
    } else {
      steps.push_back({.kind = StepKind::kReboot});
    }
    steps.push_back({.kind = StepKind::kCheckpointIfDue});
  }
  return steps;
}

// Days offline until every sector is needed, then the centre catches up, three times.
std::vector<Step> full_steps(Prng random) {
  std::vector<Step> steps;
  for (int day = 0; day < 3; ++day) {
    for (int i = 0; i < 150; ++i) {
      steps.push_back(random.below(3) == 0 ? internal_step(random) : event_step(random));
      if (i % 4 == 0) {
        steps.push_back({.kind = StepKind::kCheckpointIfDue});
      }
      if (i % 37 == 36) {
        steps.push_back({.kind = StepKind::kReboot});
      }
    }
    for (const std::uint64_t lag : {60U, 30U, 8U, 0U}) {
      steps.push_back({.kind = StepKind::kAcknowledge, .lag = lag});
      steps.push_back({.kind = StepKind::kCheckpointIfDue});
      steps.push_back(event_step(random));
      steps.push_back({.kind = StepKind::kReboot});
    }
  }
  return steps;
}

}  // namespace

std::optional<Scenario> scenario_of(const std::string& name, std::uint64_t seed) {
  const Prng random = Prng(seed).child(name);
  if (name == "ring") {
    return Scenario{.name = name,
                    .geometry = {.sector_size = 4096, .sector_count = 8, .program_size = 1, .page_size = 256},
                    .steps = ring_steps(random)};
  }
  if (name == "full") {
    return Scenario{.name = name,
                    .geometry = {.sector_size = 4096, .sector_count = 10, .program_size = 32, .page_size = 256},
                    .steps = full_steps(random)};
  }
  return std::nullopt;
}

std::vector<Step> continuation(std::uint64_t seed) {
  Prng random = Prng(seed).child("continuation");
  std::vector<Step> steps;
  for (int i = 0; i < 6; ++i) {
    steps.push_back(random.below(2) == 0 ? event_step(random) : internal_step(random));
  }
  if (random.below(2) == 0) {
    steps.push_back({.kind = StepKind::kAcknowledge, .lag = random.below(4)});
  }
  if (random.below(3) == 0) {
    steps.push_back({.kind = StepKind::kCheckpoint});
  }
  for (std::uint64_t more = random.below(8); more > 0; --more) {
    steps.push_back(event_step(random));
  }
  return steps;
}

std::string Station::format() {
  journal_.emplace(*flash_);
  return journal_->format(kUid) == Status::kOk ? "" : "format failed";
}

std::string Station::settle(Status status, bool takes_nothing_when_full) {
  if (status == Status::kIo) {
    history_.power_lost();  // The mount decides.
    return {};
  }
  if (status == Status::kOk || (status == Status::kNoSpace && takes_nothing_when_full)) {
    refusals_ += status == Status::kNoSpace ? 1 : 0;
    history_.settle(status == Status::kOk);
    return {};
  }
  return "refused with " + std::string(to_string(status));
}

std::string Station::run(const Step& step) {
  switch (step.kind) {
    case StepKind::kEvent: {
      const auto payload = payload_of(history_.next_number(), step.size);
      history_.begin_event(step.size);
      return settle(journal_->append_event(payload), true);
    }
    case StepKind::kInternal: {
      const auto payload = payload_of(history_.next_number(), step.size);
      history_.begin_internal(store::kFirstForeignKind + 3, step.size);
      return settle(journal_->append_internal(store::kFirstForeignKind + 3, payload), true);
    }
    case StepKind::kAcknowledge: {
      const std::uint64_t newest = history_.next_seq() - 1;
      const std::uint64_t seq = std::max(history_.acked(), newest - std::min(newest, step.lag));
      history_.begin_ack(mistake_ == Mistake::kEarlyTrim && seq > 40 ? seq - 1 : seq);
      const std::uint64_t programs = flash_->programs();
      const Status status =
          journal_->acknowledge({.seq = seq, .chain = history_.chain_after(seq), .store_uid = {}, .generation = 1});
      if (status == Status::kOk && programs == flash_->programs()) {
        history_.settle_volatile_ack();
        return {};
      }
      return settle(status, false);
    }
    case StepKind::kCheckpointIfDue:
      if (!journal_->checkpoint_due()) {
        return {};
      }
      [[fallthrough]];
    case StepKind::kCheckpoint: {
      FoldedCheckpoint checkpoint(history_.state());
      return settle(journal_->write_checkpoint(checkpoint), true);
    }
    case StepKind::kReboot: {
      bool cut = false;
      return boot(cut);
    }
  }
  return "no such step";
}

std::string Station::boot(bool& cut) {
  journal_.emplace(*flash_);
  Folder folder;
  if (mistake_ == Mistake::kLostRecord) {
    folder.lose(3);
  }
  store::MountReport report;
  const std::uint64_t erases = flash_->erases();
  const Status status = journal_->mount(folder, report);
  cut = status == Status::kIo;
  if (cut) {
    return {};
  }
  if (status != Status::kOk) {
    return "the mount was refused with " + std::string(to_string(status));
  }
  if (flash_->erases() > erases + 1) {
    return "a boot erased more than one sector";
  }
  return history_.compare(*journal_, folder, report);
}

std::string Station::live_on(const std::vector<Step>& steps) {
  bool cut = false;
  std::string complaint = boot(cut);
  for (const Step& step : steps) {
    if (!complaint.empty()) {
      return complaint;
    }
    complaint = run(step);
  }
  if (complaint.empty()) {
    complaint = boot(cut);
    complaint = complaint.empty() ? complaint : "after it had gone on writing: " + complaint;
  }
  return cut ? "the flash failed with the power on" : complaint;
}

}  // namespace cubby::power_loss
