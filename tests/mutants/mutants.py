"""Rules of the controller core, each broken once, and the test that must notice.

`source` is a unique piece of the file; what stands between << and >> in it is replaced. A piece that ends with a semicolon is a
statement, any other an expression.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    file: str
    source: str
    becomes: str
    test: str


CORE = "firmware/core/"


def at(file, *rows):
    return [Mutant(name, CORE + file, source, becomes, test) for name, source, becomes, test in rows]


MUTANTS = [
    *at(
        "allocator.cpp",
        ("upsizing-without-cap", "<<request.size + config_->upsizing_steps>>", "request.size + config_->upsizing_steps + 1",
         "Deposit.TakesALargerDoorWhenNoneFitsAndTurnsAwayWhatDoesNotFit"),
        ("any-door-instead-of-the-least-worn", "if (<<any(less)>>)", "false", "Allocator.SpreadsWearWithinItsBound"),
        ("one-door-more-than-the-share", "<<brands_[brand].held_in_all >= brands_[brand].doors_max>>",
         "brands_[brand].held_in_all > brands_[brand].doors_max", "Deposit.EndsWhenTheBrandsShareIsUsedUp"),
        ("last-kept-door-is-given-away", "<<size_of(free) <= kept_from(brand, size - 1)>>", "size_of(free) < kept_from(brand, size - 1)",
         "DedicatedShare.KeepsTheLastDoorsOfASizeForItsBrand"),
        ("failed-door-again", "<<without(vacant & request.usable, request.tried)>>", "vacant & request.usable", "Allocator.AnswersAsThePlainRulesDo"),
        ("low-doors-for-nobody", "<<request.low ? free & low_ : without(free, low_)>>", "without(free, low_)",
         "LowDoor.StaysWantedWhenTheSizeIsChanged"),
        ("reserved-door-for-any-brand", "<<reservation.carrier.view() != request.carrier>>", "false", "Reservation.OfABrandHoldsForAnyOfItsParcels"),
        ("reserved-door-for-any-parcel", "<<reservation.parcel.view() == request.parcel>>", "true",
         "Reservation.KeepsADoorForItsParcelAndIsOverOnceThatIsInside"),
        ("disputed-door-is-vacant", "set_bit(vacant_, number, <<compartment.state == CompartmentState::kVacant>>)",
         "compartment.state == CompartmentState::kVacant || compartment.state == CompartmentState::kDisputed", "Deposit.NeverGoesBehindADoorThatIsInDoubt"),
    ),
    *at(
        "reservations.cpp",
        ("reservation-ends-a-minute-early", "<<recorder.on_ms() >= reservation.until_on_ms>>", "recorder.on_ms() + 60'000 >= reservation.until_on_ms",
         "Reservation.EndsWithItsTimeWhichStandsStillWhileTheStationIsOff"),
        ("two-doors-for-one-parcel", "<<!request.parcel.empty() && has_door(state, request)>>", "false", "Reservation.RefusesWhatBreaksItsRules"),
    ),
    *at(
        "retention.cpp",
        ("extension-is-forgotten", "<<now.parcel.extra_hours * kHourMs>>", "0", "Remote.MovesTheEndOfARetentionPeriodBothWays"),
        ("overdue-a-minute-early", "<<now.parcel.deposited_on_ms + hours_of(now.parcel) * kHourMs>>", "now.parcel.deposited_on_ms + hours_of(now.parcel) * kHourMs - 60'000",
         "Retention.EndsWhenItsTimeIsOverAndNotBefore"),
    ),
    *at(
        "configuration.cpp",
        ("terms-are-not-kept", "if (<<hours > term_hours(rules, parcel.carrier.view())>>)", "false", "Configure.NeverShortensTheTermOfWhatIsInside"),
        ("same-version-twice", "<<rules.version <= config_->version>>", "rules.version < config_->version", "Configure.RefusesRulesThatAreNotNewer"),
        ("rules-of-the-journal-beat-a-newer-file", "<<rules.version > file.version>>", "true", "Configure.GivesWayToANewerFileAndGoesOnUnderAnOlderOne"),
        ("change-is-not-told", "<<untold_ = true;>>", "", "Configure.PutsNewRulesIntoForceAtOnceAndTellsTheCentre"),
    ),
    *at(
        "station_rules.cpp",
        ("rules-are-not-in-the-checkpoint", "if (<<begin < rules_size_>>)", "false", "Configure.OutlivesTheEventThatToldIt"),
    ),
    *at(
        "rules.h",
        ("brand-has-no-period-of-its-own", "<<brand.retention_h != 0 && carrier == std::string_view(brand.carrier)>>", "false",
         "Retention.FollowsTheBrandsOwnTerm"),
    ),
    *at(
        "throttle.h",
        ("one-free-try-more", "if (<<failures < limits::kFreeTries>>) {\n    return {};", "failures < limits::kFreeTries + 1",
         "Throttle.LocksAfterFiveWrongCodesForLongerEachTime"),
        ("no-hard-stop", "<<failures_ >= limits::kHardStopTries>>", "false", "Throttle.StopsHardAtAHundredUntilATechnicianComes"),
        ("lock-out-does-not-double", "<<std::int64_t{1} << doublings>>", "std::int64_t{1}", "Throttle.LocksAfterFiveWrongCodesForLongerEachTime"),
    ),
    *at(
        "panel_flow.cpp",
        ("verdict-before-it-is-counted", "<<recorder.append(ThrottleCount{failures}) != Status::kOk>>", "false",
         "Throttle.AWrongCodeOpensNothingAndIsCountedBeforeTheVerdict"),
        ("locked-keypad-takes-codes", "if (<<parts_.throttle.locked(now)>>) {\n    enter(Flow::kIdle", "false",
         "Throttle.LocksAfterFiveWrongCodesForLongerEachTime"),
        ("recall-of-any-brand", "<<!(compartment.parcel.carrier == carrier_)>>", "false", "Retention.MakesAParcelOverdueAndItsCourierRecallsIt"),
        ("recall-before-it-is-overdue", "if (<<compartment.state != CompartmentState::kOverdue>> ||",
         "compartment.state != CompartmentState::kOverdue && compartment.state != CompartmentState::kOccupied", "Recall.LeavesWhatIsNotOverdueToItsRecipient"),
        ("misread-parcel-number", "<<!check_parcel_number(text).good>>", "false", "Flows.AMisreadParcelNumberIsNotBooked"),
        ("door-is-tried-again-for-a-parcel", "<<set_bit(tried_, compartment_, true);>>", "", "Deposit.GetsAnotherDoorForTheSameSizeNeverTheSameOne"),
        ("endless-doors-for-a-parcel", "<<doors_tried_ >= kDoorsTriedMax>>", "false", "Opening.GivesUpAfterThreeDoors"),
        ("sender-recalls", "<<key == 'R' && !sender_>>", "key == 'R'", "Sender.RecallsNothingAndJoinsNoGroup"),
        ("group-goes-on-without-anybody", "<<group_ = {};>>  // Nobody", "", "Group.WhoLeavesADoorOpenGetsNoOtherAndTheCodeStaysGood"),
    ),
    *at(
        "openings.cpp",
        ("item-sensor-is-believed-as-it-was", "if (<<doors_.request_item(pending(slot).intent.compartment, now)>>)",
         "(live_[slot].item = doors_.item(pending(slot).intent.compartment), false)",
         "ItemSensor.IsBelievedOnlyAsItReadsAfterTheDoorWasShut"),
        ("fourth-attempt", "<<pending(slot).intent.attempt >= limits::kOpenAttemptsMax>>", "pending(slot).intent.attempt > limits::kOpenAttemptsMax",
         "Opening.GivesUpAfterThreeDoors"),
        ("attempts-without-a-pause", "<<std::max(now, live.attempted_at + limits::kAttemptSpacing)>>", "now",
         "Opening.OfADoorThatDoesNotOpenIsTriedThreeTimesThenTheNextDoor"),
        ("unlocks-an-open-door", "if (<<doors_.state(request.compartment) != drivers::DoorState::kShut>> ||", "false",
         "Opening.IsNotAttemptedAtADoorThatCannotBeRead"),
        ("unlocks-while-the-supply-fails", "if (<<power_.supply() == hal::Supply::kFailing>>) {\n    return Status::kNotSent", "false",
         "Opening.IsNotAttemptedWhenTheSupplyIsFailing"),
        ("door-left-open-without-an-alarm", "enter(slot, Phase::kOpen, <<now + limits::kLeftOpenAfter>>);\n  tell", "Instant::max()",
         "Buzzer.AlarmsABoundedNumberOfTimes"),
        ("jammed-door-stays-in-allocation", "<<!(elsewhere || (fills(intent.purpose) && jammed))>>", "true",
         "Opening.OfADoorThatDoesNotOpenIsTriedThreeTimesThenTheNextDoor"),
        ("another-door-that-opens-is-not-seen", "<<live.elsewhere = compartment;>>", "",
         "Opening.AnotherDoorInsteadIsNotTriedAgainAndBothAreKeptFromParcels"),
        ("attempt-without-an-intent", "<<recorder_.append(intent) != Status::kOk>>", "false",
         "Opening.OfADoorThatDoesNotOpenIsTriedThreeTimesThenTheNextDoor"),
    ),
    *at(
        "pickup_codes.cpp",
        ("two-parcels-with-one-code", "while (<<any(match(code_of(key_, counter, digits), kNoSecond, kNothing))>>)", "false", "PickupCodes.NeverGivesTwoLiveParcelsOneCode"),
        ("last-digit-of-a-code-is-free", "difference = (<<codes_[i] ^ code>>) |", "codes_[i] / 10 ^ code / 10",
         "PickupCodes.OpenNothingWhenOneDigitDiffers"),
        ("any-second-input-will-do", "*typed, <<kWhole>>);", "kNothing",
         "SecondInput.EveryWrongCombinationOpensNothingAndCountsOnce"),
    ),
    *at(
        "code_entry.cpp",
        ("code-of-another-station", "<<!text.starts_with(station) || text.size() <= station.size() || text[station.size()] != '.'>>", "false",
         "QrCode.OpensAtItsStationAndIsNoGuessAtAnother"),
        ("short-second-input-is-judged", "return <<is_digits(typed.view(), limits::kSecondDigits)>> ?", "true",
         "SecondInput.OfTooFewOrTooManyDigitsIsNoGuessAndIsAskedForAgain"),
    ),
    *at(
        "custody.h",
        ("unseen-pulse-is-believed", "case AttemptOutcome::kNone:\n      return <<AfterReset::kUncertain>>", "AfterReset::kNotOpened",
         "Recovery.APowerCutBetweenPulseAndReadingIsUncertainAndNeverPulsedAgain"),
        ("shut-door-after-a-reset-is-doubted", "case AttemptOutcome::kOpened:\n      return <<AfterReset::kComplete>>", "AfterReset::kUncertain",
         "Custody.IsOnlyBelievedAsFarAsSomebodySaw"),
        ("nothing-seen-inside-is-believed-to-be-a-parcel", "return <<item == drivers::ItemState::kEmpty>>", "false",
         "ItemSensor.ADepositThatPutNothingInIsDisputedAndItsCodeOpens"),
        ("something-seen-inside-is-believed-to-be-nothing", "return <<item == drivers::ItemState::kPresent>>", "false",
         "ItemSensor.ACancelledDepositWithSomethingInsideIsNotVacant"),
    ),
    *at(
        "door_watch.cpp",
        ("chattering-item-sensor-floods-the-journal", "<<compartment.item_doubtful>> ||", "false",
         "ItemSensor.AloneNeverMovesCustodyAndIsReportedOnceUntilTheDoorOpensAgain"),
        ("forced-empty-door-stays-in-allocation", "if (<<in_allocation(compartment.state)>>)", "false",
         "DoorWatch.JournalsAForcedDoorOfThirteenBoardsWithinTwoSeconds"),
        ("forced-overdue-door-is-believed",
         "else if (<<compartment.state == CompartmentState::kOccupied || compartment.state == CompartmentState::kOverdue>>)",
         "compartment.state == CompartmentState::kOccupied", "DoorWatch.DoubtsAParcelThatWaitsForItsCourierBehindAForcedDoor"),
    ),
    *at(
        "station_codes.cpp",
        ("second-input-opens-one-door-of-a-group", "set_bit(group, number, <<of_code>>);", "test_bit(found, number)",
         "SecondInput.OfAnyParcelOpensAllDoorsOfItsGroup"),
        ("equal-codes-open-two-groups", "if (<<test_bit(found, number) && !of_code>>)", "false",
         "StationState.OfEqualCodesBehindTwoCountersOpensOnlyTheOneThatIsMeant"),
        ("short-code-for-a-group-with-long-ones", "!parcel.code_dead && <<code_digits(parcel) == kind.digits>>",
         "true", "SecondInput.AParcelJoinsNoGroupWhoseCodeHasOtherDigits"),
    ),
    *at(
        "station_state.cpp",
        ("parcel-that-was-left-loses-its-code", "if (<<shut_again(number, CompartmentEvent::kEmptied, CompartmentState::kVacant, item)>>)",
         "shut_again(number, CompartmentEvent::kEmptied, CompartmentState::kVacant, item) || true",
         "ItemSensor.ACollectionThatLeavesTheParcelIsDisputedAndItsCodeOpensAgain"),
        ("wrong-counts-die-with-the-power", "<<failures_ = count.failures;>>", "", "Throttle.SurvivesAPowerCutAndStartsTheLockOutAgain"),
        ("refused-parcel-keeps-its-code", "<<compartments_[body.refused.compartment - 1U].parcel.code_dead = true;>>", "",
         "Refuse.LeavesTheParcelInsideForItsCourierAndKillsTheCode"),
        ("overdue-parcel-keeps-its-code", "<<compartments_[body.overdue.compartment - 1U].parcel.code_dead = true;>>", "",
         "Retention.MakesAParcelOverdueAndItsCourierRecallsIt"),
        ("deposit-ends-the-lock-out", "<<next_counter_ = std::max(next_counter_, intent.counter + 1);>>", "failures_ = 0;",
         "Throttle.IsNotEndedByTheNextPersonsDeposit"),
        ("code-that-still-opens-ends-the-lock-out", "if (<<parcel.counter == 0 || parcel.code_dead>>) {\n    failures_ = 0", "true",
         "ItemSensor.ACodeThatStillOpensItsDoorMakesNoGuessFree"),
        ("dead-code-lives-when-settled", "else if (<<parcel.code_dead>>) {\n    move(body.compartment, CompartmentEvent::kSettledOverdue", "false",
         "Technician.DoesNotBringADeadCodeBackToLife"),
    ),
    *at(
        "roles.cpp",
        ("revoked-pass", "<<state.pass_revoked(pass.serial)>>", "false", "Remote.ARevokedPassIsRefusedWhosesoeverItIs"),
        ("expired-pass", "<<pass.expiry_utc_s + limits::kPassClockToleranceS < not_before_s>>", "false", "Deposit.IsRefusedWithoutATruePass"),
        ("pass-is-used-twice", "<<!state.pass_used(pass.serial)>>", "true", "Sender.ThePassHoldsOnceAlsoAfterAPowerCycleAndWithoutAClock"),
        ("pass-for-a-year", "<<pass.expiry_utc_s - pass.issued_utc_s > life_s(pass.role)>>", "false",
         "Pass.OfATechnicianHoldsAtThisStationForAQuarterOfAnHour"),
        ("pass-of-tomorrow", "<<pass.issued_utc_s > *utc_ms / 1000 + limits::kPassClockToleranceS>>", "false",
         "Pass.TheClocksMayDifferByFiveMinutes"),
    ),
    *at(
        "remote_control.cpp",
        ("command-twice", "if (<<state.command_seen(id)>>)", "false", "Remote.OpensOneDoorOnceAndTheParcelIsInDoubtUntilItIsSettled"),
        ("command-too-late", "<<command.expires_utc_ms + limits::kCommandClockToleranceMs < *utc_ms>>", "false",
         "Remote.NothingIsDoneLateOrWithTooLongALife"),
        ("command-for-a-year", "<<command.expires_utc_ms > *utc_ms + life_ms(command) + limits::kCommandClockToleranceMs>>", "false",
         "Remote.NothingIsDoneLateOrWithTooLongALife"),
        ("extension-without-end", "<<body.extend.hours > limits::kExtraHoursMax - compartment.parcel.extra_hours>>", "false",
         "Remote.ExtensionsAddUpToAMonthAtMost"),
    ),
    *at(
        "service_flow.cpp",
        ("visit-outlasts-its-pass", "<<step_ != Step::kLooking && now >= until_>>", "false", "Technician.MustGoAfterFifteenMinutes"),
    ),
    *at(
        "service_actions.cpp",
        ("parcel-that-nobody-booked-is-confirmed", "(<<!inside || parts_.recorder.state().compartment(compartment).parcel.counter != 0>>);", "true",
         "Technician.TakesOutAParcelThatNobodyBookedIn"),
        ("open-door-is-put-back", "state(compartment) == CompartmentState::kOutOfService &&\n         <<parts_.doors.state(compartment) == drivers::DoorState::kShut>>", "true",
         "Technician.TakesACompartmentOutAndPutsItBack"),
    ),
]
