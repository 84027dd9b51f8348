/// Snapshots one replica at a time (paper §7): what a follower takes over and when, how a leader
/// sends an image, and what compaction leaves. Whole stories stand in tests/scenarios/snapshot_*.
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/paper_messages.hpp"

namespace mainstay::core_test {
namespace {

using core::install_snapshot;
using core::install_snapshot_response;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

core::snapshot_id image(std::uint64_t index, std::uint64_t t, std::uint64_t size = 5) {
  return {log_index(index), term(t), size, index};
}

/// A whole image in one chunk, from a leader of term `t`.
install_snapshot whole(std::uint64_t t, const core::snapshot_id& id) {
  return {term(t), id, 0, shared_bytes::copy_of(std::string(id.size, 'i'))};
}

core::append_entries committing(core::append_entries m, std::uint64_t commit) {
  m.leader_commit = log_index(commit);
  return m;
}

/// Brings a follower to where its storage is to install the image of a leader of term `t`.
void hand_over(lone_replica& one, std::uint64_t t, const core::snapshot_id& id) {
  one.receive(2, whole(t, id));
  one.answer_chunk(id.size, true);
  ASSERT_EQ(one.install(), id);
}

// ---- Followers --------------------------------------------------------------------------------

// Hazard 70: the snapshot was delayed, and appends came first.
TEST(InstallSnapshot, WhatIsCommittedHereAlreadyIsNotTakenAgain) {
  lone_replica one({.terms = {1, 1, 1}});
  one.receive(2, committing(append(2, 3, 1), 3));

  const auto answer = one.ask<install_snapshot_response>(2, whole(2, image(2, 1)));

  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match_index, log_index(2));
  EXPECT_THAT(one.chunks(), IsEmpty());
}

// Hazard 70, while storage was busy with the last chunk.
TEST(InstallSnapshot, AppendsThatComeWhileAChunkIsStoredMakeTheImageNeedless) {
  lone_replica one({.terms = {1, 1}});
  one.receive(2, whole(2, image(3, 2)));
  one.receive(2, committing(append(2, 2, 1, {2, 2}), 4));

  const auto answer = lone_replica::only<install_snapshot_response>(one.answer_chunk(5, true));

  EXPECT_EQ(answer.match_index, log_index(3));
  EXPECT_FALSE(one.install());
  EXPECT_EQ(one.core().last_index(), log_index(4));
}

// Hazard 70, while storage was installing.
TEST(InstallSnapshot, AppendsThatComeWhileItIsInstalledAreKept) {
  lone_replica one({.terms = {1, 1}});
  hand_over(one, 2, image(3, 2));
  one.receive(2, committing(append(2, 2, 1, {2, 2}), 4));

  one.finish_install();

  EXPECT_FALSE(one.restore());
  EXPECT_THAT(one.terms(), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(4));
  EXPECT_FALSE(one.core().is_installing());
}

// Paper §7, figure 13, rule 6.
TEST(InstallSnapshot, ASuffixThatContinuesTheSnapshotStays) {
  lone_replica one({.terms = {1, 2, 2}});
  hand_over(one, 3, image(2, 2));

  one.finish_install();

  EXPECT_THAT(one.terms(), ElementsAre(1, 2, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(2));
  EXPECT_FALSE(one.restore());
}

// Hazard 71, paper §7, figure 13, rule 7: memory and disk lose the same.
TEST(InstallSnapshot, ASuffixThatConflictsIsGoneFromMemoryAndDisk) {
  lone_replica one({.terms = {1, 1, 1, 1}});
  hand_over(one, 3, image(2, 2));

  const auto sent = one.finish_install();

  EXPECT_EQ(lone_replica::only<install_snapshot_response>(sent).match_index, log_index(2));
  EXPECT_EQ(one.core().last_index(), log_index(2));
  EXPECT_EQ(one.core().entries().last_term(), term(2));
  EXPECT_EQ(one.disk().last_index(), log_index(2));
  EXPECT_EQ(one.disk().base(), log_index(2));
  ASSERT_TRUE(one.restore());
}

// Hazard 71: the disk was still writing entries of the log that is no more.
TEST(InstallSnapshot, ABatchOfTheOldLogThatEndsLateMakesNothingDurable) {
  lone_replica one({.terms = {1}, .state = {term(3), {}}});
  one.hold_disk();
  one.receive(2, append(3, 1, 1, {3, 3, 3, 3}));
  one.receive(2, whole(3, image(9, 3)));
  one.answer_chunk(5, true);
  one.finish_install();

  one.persist();

  EXPECT_EQ(one.core().stable_index(), log_index(9));
  EXPECT_EQ(one.core().last_index(), log_index(9));
  one.persist();
  EXPECT_EQ(one.disk().base(), log_index(9));
}

// A full disk refuses the reset, and it comes again.
TEST(InstallSnapshot, AResetThatWasNotWrittenComesAgain) {
  lone_replica one({.terms = {1, 1, 1}, .state = {term(3), {}}});
  hand_over(one, 3, image(9, 3));
  one.hold_disk();
  one.finish_install();
  one.finish_restore();
  one.receive(2, append(3, 9, 3, {3}));

  one.core().not_persisted(one.disk().refuse());
  one.turn();
  one.persist();

  EXPECT_EQ(one.disk().base(), log_index(9));
  EXPECT_EQ(one.disk().last_index(), log_index(10));
}

// Hazard 83: the alarm goes off between the image's arrival and its use.
TEST(InstallSnapshot, NobodyCampaignsUntilTheStateMachineHasIt) {
  lone_replica one({.settings = plain(), .terms = {1}});
  hand_over(one, 2, image(5, 2));

  EXPECT_THAT(receivers<core::request_vote>(one.time_out()), IsEmpty());
  one.finish_install();
  EXPECT_THAT(receivers<core::request_vote>(one.time_out()), IsEmpty());
  one.finish_restore();

  EXPECT_THAT(receivers<core::request_vote>(one.time_out()), ElementsAre(2, 3));
}

TEST(InstallSnapshot, ReadsAreRefusedMeanwhile) {
  lone_replica one({.terms = {1}});
  one.receive(2, append(2, 1, 1));
  one.core().read(7);
  one.turn();
  hand_over(one, 2, image(5, 2));
  one.core().read(8);
  one.turn();

  ASSERT_THAT(one.failed(), SizeIs(2));
  EXPECT_EQ(one.failed()[0].context, 7U);
  EXPECT_EQ(one.failed()[1].context, 8U);
}

// Hazard 85: two images in quick succession; the second waits for its turn.
TEST(InstallSnapshot, ASecondImageIsDeclinedUntilTheFirstIsInstalled) {
  lone_replica one({.terms = {1}});
  hand_over(one, 2, image(5, 2));

  const auto early = one.receive(2, whole(2, image(8, 2)), 8);
  EXPECT_FALSE(lone_replica::only<install_snapshot_response>(early).success);
  one.finish_install();
  one.finish_restore();
  hand_over(one, 2, image(8, 2));
  one.finish_install();

  EXPECT_EQ(one.core().commit_index(), log_index(8));
  EXPECT_EQ(one.restore()->id, image(8, 2));
}

// Hazard 79: until the image is installed, the old log is whole and in force.
TEST(InstallSnapshot, WhatFailsLeavesEverythingAsItWas) {
  lone_replica one({.settings = plain(), .terms = {1, 1}});
  hand_over(one, 2, image(5, 2));

  const auto sent = one.finish_install(false);

  EXPECT_FALSE(lone_replica::only<install_snapshot_response>(sent).success);
  EXPECT_FALSE(one.core().is_installing());
  EXPECT_THAT(one.terms(), ElementsAre(1, 1));
  EXPECT_THAT(receivers<core::request_vote>(one.time_out()), SizeIs(2));
}

// It has led to the end what the image holds, and an election would serve nobody.
TEST(InstallSnapshot, ALeaderDoesNotTakeInWhatItWasSentBefore) {
  lone_replica one({.terms = {1, 1, 1}});
  one.receive(2, whole(2, image(3, 1)));
  one.lead();

  const auto sent = one.answer_chunk(3, true);

  EXPECT_FALSE(lone_replica::only<install_snapshot_response>(sent).success);
  EXPECT_EQ(one.core().role(), core::role::leader);
  EXPECT_FALSE(one.install());
}

// Paper, figure 2: a disk with a snapshot of term 4 and a current term of 1 would contradict
// itself.
TEST(InstallSnapshot, IsHandedOutOnlyWhenItsTermIsOnTheDisk) {
  lone_replica one({.terms = {1}});
  one.hold_disk();
  one.receive(2, whole(4, image(5, 4)));
  one.answer_chunk(5, true);
  EXPECT_FALSE(one.install());

  one.persist();

  EXPECT_EQ(one.install(), image(5, 4));
}

// Hazard 59, paper §7: the configuration is that of the snapshot.
TEST(InstallSnapshot, BringsItsConfiguration) {
  lone_replica one({.terms = {1}});
  hand_over(one, 2, image(5, 2));

  one.core().snapshot_installed({image(5, 2), log_time{}, voters(5)});
  one.turn();

  EXPECT_EQ(one.core().configuration(), voters(5));
  EXPECT_EQ(one.core().core().configuration_index(), log_index(5));
}

// Hazard 20: the snapshot's term counts in elections, though no entry is left.
TEST(InstallSnapshot, ItsTermCountsInVotes) {
  lone_replica one({.settings = plain(), .terms = {1}});
  hand_over(one, 3, image(5, 3));
  one.finish_install();
  one.finish_restore();

  EXPECT_FALSE(one.ask<core::request_vote_response>(3, vote(9, 7, 2)).vote_granted);
  EXPECT_TRUE(one.ask<core::request_vote_response>(3, vote(10, 5, 3)).vote_granted);
}

TEST(InstallSnapshot, OfAnOldTermIsRefused) {
  lone_replica one({.terms = {1}, .state = {term(6), {}}});

  const auto answer = one.ask<install_snapshot_response>(2, whole(5, image(5, 5)));

  EXPECT_FALSE(answer.success);
  EXPECT_EQ(answer.term, term(6));
  EXPECT_THAT(one.chunks(), IsEmpty());
}

// Hazard 80: what the receiver expects next decides, not what the sender believes.
TEST(InstallSnapshot, ToldTheOffsetThatStorageWants) {
  lone_replica one({.terms = {1}});
  auto chunk = whole(2, image(5, 2, 40));
  chunk.data = shared_bytes::copy_of("0123456789");
  one.receive(2, chunk);

  const auto answer = lone_replica::only<install_snapshot_response>(one.answer_chunk(10, false));

  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.next_offset, 10U);
  EXPECT_FALSE(answer.match_index);
}

// ---- Leaders ----------------------------------------------------------------------------------

/// A leader of term 1 who has committed and compacted three entries that peer 3 has never seen.
struct sender {
  core::config settings;
  lone_replica one;

  explicit sender(core::config given = {}, std::size_t voters = 3)
      : settings(without_tail(given)), one({.voters = voters, .settings = settings}) {
    one.lead();
    one.propose("a");
    one.propose("b");
    acknowledge(3);
    one.save(3);
  }
  static core::config without_tail(core::config c) {
    c.compaction_tail_bytes = 0;
    return c;
  }
  /// The peers that make up the quorum store everything up to `index`.
  void acknowledge(std::uint64_t index) {
    const std::uint64_t others = one.core().configuration().voters.size() / 2;
    for (std::uint64_t peer = 2; peer < 2 + others; ++peer) one.receive(peer, stored(1, index));
  }
  std::vector<core::envelope> heartbeat() { return one.pass(settings.heartbeat_interval); }
  /// Answers a chunk of peer 3's.
  std::vector<core::envelope> answer(const core::envelope& chunk, std::uint64_t next_offset,
                                     std::uint64_t match = 0) {
    return one.receive(chunk.to.value(),
                       install_snapshot_response{term(1), true, next_offset, log_index(match)},
                       chunk.call);
  }
  core::peer_status peer(std::uint64_t id) {
    for (const auto& p : one.core().peers()) {
      if (p.id == node_id(id)) return p;
    }
    throw std::logic_error("no such peer");
  }
};

/// The chunk among what left; throws when there is not one.
core::envelope chunk_in(const std::vector<core::envelope>& sent) {
  std::optional<core::envelope> found;
  for (const auto& e : sent) {
    if (!std::holds_alternative<install_snapshot>(e.message)) continue;
    if (found) throw std::logic_error("more than one chunk");
    found = e;
  }
  return found.value();
}

std::uint64_t bytes_of(const core::envelope& chunk) {
  return std::get<install_snapshot>(chunk.message).data.size();
}

// Hazard 82: nothing of the log is left, and nothing is known of the peer.
TEST(SendSnapshot, APeerWhoseEntriesAreGoneGetsTheImageAndThenTheLog) {
  sender s;
  const auto question = chunk_in(s.heartbeat());
  EXPECT_EQ(bytes_of(question), 0U);  // how much has it got?
  s.answer(question, 0);

  const auto chunk = chunk_in(s.one.read_image());
  EXPECT_EQ(bytes_of(chunk), 20'000U);
  s.answer(chunk, 20'000, 3);
  const auto sent = s.one.propose("c");

  EXPECT_EQ(s.peer(3).state, core::progress_state::replicate);
  EXPECT_EQ(s.peer(3).match_index, log_index(3));
  EXPECT_THAT(receivers<core::append_entries>(sent), ElementsAre(2, 3));
}

TEST(SendSnapshot, AnInterruptedTransferGoesOnWhereThePeerStopped) {
  sender s;

  s.answer(chunk_in(s.heartbeat()), 15'000);

  ASSERT_THAT(s.one.snapshot_reads(), SizeIs(1));
  EXPECT_EQ(s.one.snapshot_reads()[0].offset, 15'000U);
  EXPECT_EQ(s.one.snapshot_reads()[0].max_bytes, 5'000U);
}

TEST(SendSnapshot, ALostChunkIsAskedForAgain) {
  sender s;
  s.answer(chunk_in(s.heartbeat()), 0);
  const auto lost = chunk_in(s.one.read_image());

  s.one.core().unreachable(node_id(3), lost.call);
  EXPECT_THAT(receivers<install_snapshot>(s.one.turn()), IsEmpty());

  EXPECT_EQ(bytes_of(chunk_in(s.heartbeat())), 0U);
}

// Hazard 80: a read that gives nothing is no end of the image.
TEST(SendSnapshot, AnImageThatCannotBeReadIsBegunAnewLater) {
  sender s;
  s.answer(chunk_in(s.heartbeat()), 0);

  s.one.core().snapshot_read(s.one.snapshot_reads().back().id, {});
  EXPECT_THAT(receivers<install_snapshot>(s.one.turn()), IsEmpty());

  EXPECT_EQ(bytes_of(chunk_in(s.heartbeat())), 0U);
}

TEST(SendSnapshot, APeerThatMakesNoHeadwayIsTriedWithTheNextHeartbeat) {
  sender s;
  s.answer(chunk_in(s.heartbeat()), 0);
  const auto chunk = chunk_in(s.one.read_image());

  s.answer(chunk, 0);
  EXPECT_THAT(s.one.snapshot_reads(), SizeIs(1));
  s.heartbeat();

  EXPECT_THAT(s.one.snapshot_reads(), SizeIs(2));
}

TEST(SendSnapshot, ChunksFollowThePaceOfTheLink) {
  sender s;
  s.one.propose("c");
  s.acknowledge(4);
  s.one.save(4, 100 << 20);
  const auto question = chunk_in(s.heartbeat());
  const auto next_chunk = [&](const core::envelope& before, std::uint64_t at, duration after) {
    s.one.pass(after);
    s.answer(before, at);
    return chunk_in(s.one.read_image());
  };

  const auto first = next_chunk(question, 0, duration(0));
  const auto faster = next_chunk(first, bytes_of(first), duration(0));
  const auto slower = next_chunk(faster, 2 << 20, s.settings.heartbeat_interval + duration(1));

  EXPECT_EQ(bytes_of(faster), std::min(2 * bytes_of(first), s.settings.snapshot_chunk_bytes));
  EXPECT_EQ(bytes_of(slower), bytes_of(faster) / 2);
}

TEST(SendSnapshot, TheRateLimitHoldsTheNextChunkBack) {
  core::config limited;
  limited.snapshot_bytes_per_second = 1'000'000;
  limited.snapshot_chunk_bytes = 100'000;
  sender s(limited);
  s.one.propose("c");
  s.acknowledge(4);
  s.one.save(4, 1 << 20);
  s.answer(chunk_in(s.heartbeat()), 0);
  const auto first = chunk_in(s.one.read_image());
  const std::size_t reads = s.one.snapshot_reads().size();
  s.answer(first, bytes_of(first));
  EXPECT_THAT(s.one.snapshot_reads(), SizeIs(reads));

  s.one.pass(std::chrono::milliseconds(99));
  EXPECT_THAT(s.one.snapshot_reads(), SizeIs(reads));
  s.one.pass(std::chrono::milliseconds(1));

  EXPECT_THAT(s.one.snapshot_reads(), SizeIs(reads + 1));
}

TEST(SendSnapshot, NoMoreTransfersAtOnceThanAllowed) {
  core::config settings;
  settings.max_snapshot_transfers = 1;
  sender s(settings, 5);

  EXPECT_THAT(receivers<install_snapshot>(s.heartbeat()), ElementsAre(4));
}

// A peer behind a dead link answers nothing, and its requests fail only after their deadline.
TEST(SendSnapshot, ASilentPeerLeavesItsTurnToAnother) {
  core::config settings;
  settings.max_snapshot_transfers = 1;
  sender s(settings, 5);
  std::vector<std::uint64_t> served;
  for (int beat = 0; beat < 8; ++beat) {
    for (const auto peer : receivers<install_snapshot>(s.heartbeat())) served.push_back(peer);
    for (const std::uint64_t alive : {2, 3}) s.one.receive(alive, stored(1, 3));
    for (const auto peer : receivers<install_snapshot>(s.one.receive(5, stored(1, 0)))) {
      served.push_back(peer);
    }
  }

  EXPECT_EQ(served.front(), 4U);
  EXPECT_EQ(served.back(), 5U);
}

// ---- Compaction -------------------------------------------------------------------------------

// Hazard 85: the newer one was saved first.
TEST(Compaction, AnOlderSnapshotThatIsSavedLateChangesNothing) {
  lone_replica one({.terms = {1, 1, 1, 1}});
  one.receive(2, committing(append(2, 4, 1), 4));

  one.save(4);
  one.save(3);

  EXPECT_EQ(one.core().snapshot()->id.last_included_index, log_index(4));
}

TEST(Compaction, LeavesTheTail) {
  core::config settings;
  settings.compaction_tail_bytes = 2 * core::entry_allowance;
  lone_replica one({.settings = settings, .terms = {1, 1, 1, 1, 1}});
  one.receive(2, committing(append(2, 5, 1), 5));

  one.save(4);

  EXPECT_EQ(one.core().entries().base_index(), log_index(2));
  EXPECT_EQ(one.disk().base(), log_index(2));
}

TEST(Compaction, WaitsForATransferButNotForEver) {
  sender s;
  s.answer(chunk_in(s.heartbeat()), 0);  // peer 3 is being sent the image of index 3

  std::vector<std::uint64_t> bases;
  for (std::uint64_t index = 4; index <= 6; ++index) {
    s.one.propose("more");
    s.acknowledge(index);
    s.one.save(index);
    bases.push_back(s.one.core().entries().base_index().value());
  }

  EXPECT_THAT(bases, ElementsAre(3, 3, 6));
}

/// Eight large entries, of which those read for peer 3 are compacted up to `base` meanwhile; the
/// last of those read when none is given. What is sent when they come.
std::vector<core::envelope> sent_after_compaction(std::optional<std::uint64_t> base) {
  core::config settings = sender::without_tail({});
  settings.log_window_bytes = 4096;
  lone_replica one({.settings = settings});
  one.lead();
  const std::string large(1000, 'x');
  for (int i = 0; i < 8; ++i) one.propose(large);
  one.receive(2, stored(1, 9));
  one.pass(settings.heartbeat_interval);  // peer 3 has answered nothing: its entries are read
  EXPECT_THAT(one.log_reads(), SizeIs(1));
  const auto wanted = one.log_reads()[0];
  const auto entries = one.disk().read(wanted);
  const log_index kept_behind = base ? log_index(*base) : entries.back().index;
  one.save(kept_behind.value());
  EXPECT_EQ(one.core().entries().base_index(), kept_behind);

  one.core().log_read(wanted.id, entries);
  return one.turn();
}

// Storage gave the entries before it compacted them.
TEST(Compaction, EntriesReadForAPeerBeforeItAreNotSentAfterIt) {
  EXPECT_THAT(receivers<core::append_entries>(sent_after_compaction(9)), IsEmpty());
}

// The last of them is the one that the log's base still knows the term of.
TEST(Compaction, EntriesReadUpToTheBaseAreNotSentEither) {
  EXPECT_THAT(receivers<core::append_entries>(sent_after_compaction({})), IsEmpty());
}

// Commit notices to a peer that only a snapshot can help would go to and fro without end.
TEST(Compaction, APeerThatWaitsForASnapshotIsNotToldOfCommitsAgainAndAgain) {
  sender s;
  s.one.receive(3, stored(1, 1));
  s.heartbeat();

  std::size_t told = 0;
  for (int i = 0; i < 5; ++i) {
    s.one.receive(3, stored(1, 1));
    told +=
        lone_replica::all<core::append_entries>(s.one.pass(s.settings.commit_notice_delay)).size();
  }

  EXPECT_LE(told, 2U);
}

}  // namespace
}  // namespace mainstay::core_test
