/// Leadership transfer (thesis §3.10): whom a leader may tell to stand, who then must, and that it
/// is over in time whatever fails.
#include <algorithm>

#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

void server::is_told_to_hand_over(node_id to, const result<node_id>& outcome,
                                  const appearance& after) {
  begin_step();
  because("thesis §3.10: to be told to hand over changes nothing by itself");
  if (outcome) {
    hold(leading.has_value(), "thesis §3.10: only a leader hands over");
    hold(!leading->heir, "thesis §3.10: a leader hands over to one at a time");
    hold(*outcome == to || !to, "thesis §3.10: a leader hands over to whom it was told to");
    hold(*outcome != id && members().is_voter(*outcome),
         "thesis §3.10: only another voter can take over");
    leading->heir = *outcome;
    leading->has_told = false;
    // One election timeout to catch up, and one in which commands wait.
    leading->given_up = now + 2 * settings.election_timeout_max;
  } else if (leading && !leading->heir && !leading->makes_way) {
    hold(!to || to == id || !members().is_voter(to),
         "thesis §3.10: a leader hands over to the voter that it is told to");
  }
  end_step(after);
}

void server::send(const core::envelope& e, const core::timeout_now& m) {
  const bool leads = leading && leading->term == m.term;
  hold(leads || (led && led->term == m.term),
       "thesis §3.10: only the leader of a term tells others to stand");
  leadership& l = leads ? *leading : *led;
  if (l.makes_way && !l.heir) {
    l.heir = e.to;
    l.has_told = false;
  }
  hold(l.heir == e.to, "thesis §3.10: only the heir is told to stand");
  hold(members().is_voter(e.to), "thesis §3.10: nobody is told to stand who does not vote");
  hold(!l.has_told, "thesis §3.10: the heir is told to stand once");
  const auto p = std::ranges::find(l.peers, e.to, &peer::id);
  hold(p != l.peers.end() && (!leads || p->match_index == last_index()),
       "thesis §3.10: the heir has the leader's whole log before it is told to stand");
  l.has_told = l.has_ever_told = true;
}

void server::on(const core::envelope& e, const core::timeout_now& m, const appearance& after) {
  obey_term(e.message);
  owed_answer& answer = owe(e);
  const bool follows = m.term == state.current_term && role == core::role::follower &&
                       leader == e.from && !is_installing();
  answer.may_grant = follows && !retired && votes_in(members()) &&
                     configurations.back().index <= after.stable_index;
  if (!answer.may_grant) {
    answer.reason =
        "thesis §3.10: who does not follow the sender, or knows of no vote of its own "
        "on its disk, does not stand";
    return;
  }
  because("thesis §3.10: who is told to by its leader stands for election at once");
  alarm_rule_ = alarm_rule::moves;
  become_candidate(true);
}

void server::on(const core::envelope& e, const core::timeout_now_response&, const appearance&) {
  obey_term(e.message);
}

void server::end_transfer(const core::ready& out, const appearance& after) {
  leadership* const l = leading ? &*leading : led ? &*led : nullptr;
  if (out.transfer) {
    if (l != nullptr && l->makes_way && !l->heir) {
      l->heir = out.transfer->target;
      l->has_told = false;
    }
    hold(l != nullptr && l->heir == out.transfer->target,
         "core/ready.hpp: a transfer ends once, and only when it was asked for");
    const bool later = !leading && state.current_term > l->term;
    const bool won = out.transfer->outcome == core::transfer_outcome::won;
    hold(won == (later && l->has_told),
         "core/transfer.hpp: it is won when a later term began after the heir was told to stand");
    l->heir = {};
  }
  hold(led == std::nullopt || !led->heir, "core/ready.hpp: a transfer ends with the leadership");
  if (!leading) return;
  hold((!leading->heir && !leading->makes_way) || now < leading->given_up,
       "thesis §3.10: a transfer that does not come to an end is taken back");
  hold(leading->heir || leading->makes_way || !after.is_fenced,
       "thesis §3.10: once a transfer is over commands are taken again");
}

}  // namespace mainstay::simulation::specification
