(* Rounding: how far a sum of products is from its value, in whatever order it is computed.

   The values form an ordered field. What is assumed about rounding is the standard model: the
   result of an operation is its exact value times 1 + d, where |d| is at most the unit roundoff
   of the operation. It holds where nothing overflows and nothing underflows. *)

Require Import ZArith Ring Arith Lia List Permutation QArith Qcanon Qcabs.
Require Import finite_sums.
Import ListNotations.
Close Scope Qc_scope.
Close Scope Q_scope.
Close Scope Z_scope.

Record Field : Type := {
  base :> Ring;
  le : base -> base -> Prop;
  inv : base -> base;
  abs : base -> base;
  le_refl : forall a, le a a;
  le_trans : forall a b c, le a b -> le b c -> le a c;
  le_antisym : forall a b, le a b -> le b a -> a = b;
  le_total : forall a b, le a b \/ le b a;
  le_add : forall a b c, le a b -> le (add a c) (add b c);
  le_mul : forall a b, le zero a -> le zero b -> le zero (mul a b);
  distinct : (zero : base) <> one;
  inv_mul : forall a, a <> zero -> mul a (inv a) = one;
  abs_pos : forall a, le zero a -> abs a = a;
  abs_neg : forall a, le a zero -> abs a = opp a
}.
Arguments le {_} _ _.
Arguments inv {_} _.
Arguments abs {_} _.
Infix "[<=]" := le (at level 70, no associativity).

Fixpoint times {F : Field} (n : nat) (a : F) : F :=
  match n with O => zero | S m => times m a [+] a end.
Fixpoint power {F : Field} (a : F) (n : nat) : F :=
  match n with O => one | S m => power a m [*] a end.
Definition sum_of {F : Field} (l : list F) : F := fold_right add zero l.
Definition sum_of_abs {F : Field} (l : list F) : F := sum_of (map abs l).

(* How a sum is computed: exact values, exact sums, exact multiples, and where it is rounded, each
   time with a unit roundoff of its own. fl(a b) is Rounded u (Exact (a b)); fl(s + t) is
   Rounded u (Sum s t); a fused multiply-add is Rounded u (Sum (Exact (a b)) t). Product s t is for
   factors that are computed themselves, as in Winograd's form. *)
Inductive tree (F : Field) : Type :=
  | Exact (value : F)
  | Sum (s t : tree F)
  | Multiple (factor : F) (t : tree F)
  | Product (s t : tree F)
  | Rounded (u : F) (t : tree F).
Arguments Exact {_} _.
Arguments Sum {_} _ _.
Arguments Multiple {_} _ _.
Arguments Product {_} _ _.
Arguments Rounded {_} _ _.

(* The addends, and the value without rounding. *)
Fixpoint addends {F : Field} (t : tree F) : list F :=
  match t with
  | Exact value => [value]
  | Sum s t => addends s ++ addends t
  | Multiple c t => map (mul c) (addends t)
  | Product s t => flat_map (fun a => map (mul a) (addends t)) (addends s)
  | Rounded _ t => addends t
  end.
Definition exact {F : Field} (t : tree F) : F := sum_of (addends t).
Definition size {F : Field} (t : tree F) : F := sum_of_abs (addends t).

(* The absolute values of the addends, each times 1 + u for each rounding on its way. *)
Fixpoint grown {F : Field} (t : tree F) : F :=
  match t with
  | Exact value => abs value
  | Sum s t => grown s [+] grown t
  | Multiple c t => abs c [*] grown t
  | Product s t => grown s [*] grown t
  | Rounded u t => (one [+] u) [*] grown t
  end.
Fixpoint sound {F : Field} (t : tree F) : Prop :=
  match t with
  | Exact _ => True
  | Sum s t => sound s /\ sound t
  | Multiple _ t => sound t
  | Product s t => sound s /\ sound t
  | Rounded u t => zero [<=] u /\ sound t
  end.

(* A rounding: rounds u x y says that y may be the result of an operation with the exact value x
   and the unit roundoff u. Two operations with one exact value may have two results. *)
Definition rounding (F : Field) := F -> F -> F -> Prop.
Definition standard_model {F : Field} (rounds : rounding F) : Prop :=
  forall u x y, rounds u x y -> exists d, abs d [<=] u /\ y = x [*] (one [+] d).

Inductive computes {F : Field} (rounds : rounding F) : tree F -> F -> Prop :=
  | computes_exact a : computes rounds (Exact a) a
  | computes_sum s t x y :
      computes rounds s x -> computes rounds t y -> computes rounds (Sum s t) (x [+] y)
  | computes_multiple c t x : computes rounds t x -> computes rounds (Multiple c t) (c [*] x)
  | computes_product s t x y :
      computes rounds s x -> computes rounds t y -> computes rounds (Product s t) (x [*] y)
  | computes_rounded u t x y :
      computes rounds t x -> rounds u x y -> computes rounds (Rounded u t) y.

(* Computations of any shape: the unit roundoffs on the way from each entry to the result add up to
   at most e. An addend of a product is on the way of both factors. *)
Inductive way {F : Field} : F -> tree F -> Prop :=
  | way_exact a : way zero (Exact a)
  | way_shorter d e t : way d t -> d [<=] e -> way e t
  | way_sum e s t : way e s -> way e t -> way e (Sum s t)
  | way_multiple c e t : way e t -> way e (Multiple c t)
  | way_product d e s t : way d s -> way e t -> way (d [+] e) (Product s t)
  | way_rounded u e t : zero [<=] u -> way e t -> way (e [+] u) (Rounded u t).

(* The kernels: n addends, added in any order with the unit roundoff u, each a product that is
   rounded at most m times with the unit roundoff v.
   - An addend need not be rounded: a bias, or a product inside a fused multiply-add.
   - A common factor may be applied before or after a sum.
   - A sum may be exact: zeros of the padding or of the start add nothing, and some hardware adds
     several products before it rounds. *)
Inductive kernel {F : Field} (u v : F) : nat -> nat -> tree F -> Prop :=
  | addend a m : kernel u v 1 m (Exact a)
  | nothing m : kernel u v 0 m (Exact zero)
  | multiplied c n m t : kernel u v n m t -> kernel u v n (S m) (Rounded v (Multiple c t))
  | product a m : kernel u v 1 (S m) (Rounded v (Exact a))
  | rounded_once_more m t n : kernel u v n m t -> kernel u v n (S m) (Rounded v t)
  | added n k m s t : 1 <= n -> 1 <= k -> kernel u v n m s -> kernel u v k m t ->
      kernel u v (n + k) m (Rounded u (Sum s t))
  | added_exactly n k m s t : kernel u v n m s -> kernel u v k m t ->
      kernel u v (n + k) m (Sum s t).

Section Bound.
Variable F : Field.
Add Ring field_ring : (laws F).
Implicit Types (a b c d e g u v w x y : F) (t : tree F).

Lemma shift a b : zero [<=] sub b a -> a [<=] b.
Proof.
  intros H. apply (le_add _ _ _ a) in H.
  replace (zero [+] a) with a in H by ring. now replace (sub b a [+] a) with b in H by ring.
Qed.
Lemma unshift a b : a [<=] b -> zero [<=] sub b a.
Proof.
  intros H. apply (le_add _ _ _ (opp a)) in H.
  replace (a [+] opp a) with (zero : F) in H by ring.
  now replace (b [+] opp a) with (sub b a) in H by ring.
Qed.
Lemma add_both a b c d : a [<=] b -> c [<=] d -> a [+] c [<=] b [+] d.
Proof.
  intros H K. apply (le_trans _ _ (b [+] c)); [now apply le_add |].
  replace (b [+] c) with (c [+] b) by ring. replace (b [+] d) with (d [+] b) by ring.
  now apply le_add.
Qed.
Lemma add_positive a b : zero [<=] a -> zero [<=] b -> zero [<=] a [+] b.
Proof. intros H K. replace (zero : F) with (zero [+] zero : F) by ring. now apply add_both. Qed.
Lemma mul_left c a b : zero [<=] c -> a [<=] b -> c [*] a [<=] c [*] b.
Proof.
  intros H K. apply shift. replace (sub (c [*] b) (c [*] a)) with (c [*] sub b a) by ring.
  apply le_mul; [easy | now apply unshift].
Qed.
Lemma mul_right c a b : zero [<=] c -> a [<=] b -> a [*] c [<=] b [*] c.
Proof.
  intros H K. replace (a [*] c) with (c [*] a) by ring. replace (b [*] c) with (c [*] b) by ring.
  now apply mul_left.
Qed.
Lemma square a : zero [<=] a [*] a.
Proof.
  destruct (le_total _ zero a) as [H | H]; [now apply le_mul |].
  replace (a [*] a) with (opp a [*] opp a) by ring. apply unshift in H.
  replace (sub zero a) with (opp a) in H by ring. now apply le_mul.
Qed.
Lemma one_positive : zero [<=] (one : F).
Proof. replace (one : F) with (one [*] one : F) by ring. apply square. Qed.
Lemma opp_le a b : a [<=] b -> opp b [<=] opp a.
Proof.
  intros H. apply shift. apply unshift in H.
  now replace (sub (opp a) (opp b)) with (sub b a) by ring.
Qed.

Lemma abs_positive a : zero [<=] abs a.
Proof.
  destruct (le_total _ zero a) as [H | H]; [now rewrite abs_pos |].
  rewrite abs_neg by easy. apply opp_le in H.
  now replace (opp (zero : F)) with (zero : F) in H by ring.
Qed.
Lemma abs_above a : a [<=] abs a.
Proof.
  destruct (le_total _ zero a) as [H | H]; [rewrite abs_pos by easy; apply le_refl |].
  apply (le_trans _ _ zero); [easy | apply abs_positive].
Qed.
Lemma abs_opp a : abs (opp a) = abs a.
Proof.
  assert (opp (zero : F) = zero) as Z by ring.
  destruct (le_total _ zero a) as [H | H]; pose proof (opp_le _ _ H) as K; rewrite Z in K.
  - rewrite (abs_pos _ a), abs_neg by easy. ring.
  - rewrite (abs_neg _ a), abs_pos by easy. ring.
Qed.
Lemma abs_below a : opp (abs a) [<=] a.
Proof.
  rewrite <- abs_opp. replace a with (opp (opp a)) at 2 by ring. apply opp_le, abs_above.
Qed.
Lemma abs_le a b : a [<=] b -> opp b [<=] a -> abs a [<=] b.
Proof.
  intros H K. destruct (le_total _ zero a) as [L | L]; [now rewrite abs_pos |].
  rewrite abs_neg by easy. apply opp_le in K. now replace (opp (opp b)) with b in K by ring.
Qed.
Lemma abs_add a b : abs (a [+] b) [<=] abs a [+] abs b.
Proof.
  apply abs_le; [apply add_both; apply abs_above |].
  replace (opp (abs a [+] abs b)) with (opp (abs a) [+] opp (abs b)) by ring.
  apply add_both; apply abs_below.
Qed.
Lemma abs_mul a b : abs (a [*] b) = abs a [*] abs b.
Proof.
  assert (forall c d, zero [<=] c -> abs (c [*] d) = abs c [*] abs d) as P.
  { intros c d H. rewrite (abs_pos _ c) by easy. destruct (le_total _ zero d) as [K | K].
    - rewrite !abs_pos; try easy. now apply le_mul.
    - rewrite (abs_neg _ d), abs_neg; try easy; [ring |].
      replace (zero : F) with (c [*] zero) by ring. now apply mul_left. }
  destruct (le_total _ zero a) as [H | H]; [now apply P |].
  rewrite <- (abs_opp (a [*] b)), <- (abs_opp a). rewrite <- P; [f_equal; ring |].
  apply opp_le in H. now replace (opp (zero : F)) with (zero : F) in H by ring.
Qed.
Lemma abs_zero : abs (zero : F) = zero.
Proof. apply abs_pos, le_refl. Qed.

(* Sums of lists. *)
Lemma sum_none : sum_of (nil : list F) = zero. Proof. easy. Qed.
Lemma sum_cons a (l : list F) : sum_of (a :: l) = a [+] sum_of l. Proof. easy. Qed.
Lemma sum_app (l r : list F) : sum_of (l ++ r) = sum_of l [+] sum_of r.
Proof.
  induction l as [| a l IH]; [rewrite sum_none; simpl app; ring |].
  simpl app. rewrite !sum_cons, IH. ring.
Qed.
Lemma sum_scaled c (l : list F) : sum_of (map (mul c) l) = c [*] sum_of l.
Proof.
  induction l as [| a l IH]; [simpl map; rewrite !sum_none; ring |].
  simpl map. rewrite !sum_cons, IH. ring.
Qed.
Lemma sum_permuted (l r : list F) : Permutation l r -> sum_of l = sum_of r.
Proof.
  induction 1 as [| a l r P IH | a b l | l m r P IH Q IH']; rewrite ?sum_cons;
    [easy | now rewrite IH | ring | now rewrite IH].
Qed.
Lemma sum_of_zeros n : sum_of (repeat (zero : F) n) = zero.
Proof. induction n as [| n IH]; [easy |]. simpl repeat. rewrite sum_cons, IH. ring. Qed.

Lemma abs_of_zeros n : map abs (repeat (zero : F) n) = repeat zero n.
Proof. induction n as [| n IH]; [easy |]. cbn [repeat map]. now rewrite IH, abs_zero. Qed.

Lemma exact_sum s t : exact (Sum s t) = exact s [+] exact t.
Proof. apply sum_app. Qed.
Lemma exact_multiple c t : exact (Multiple c t) = c [*] exact t.
Proof. apply sum_scaled. Qed.
Lemma size_sum s t : size (Sum s t) = size s [+] size t.
Proof. unfold size, sum_of_abs. cbn [addends]. now rewrite map_app, sum_app. Qed.
Lemma size_multiple c t : size (Multiple c t) = abs c [*] size t.
Proof.
  unfold size, sum_of_abs. cbn [addends]. rewrite map_map, <- sum_scaled, map_map. f_equal.
  apply map_ext. intros. apply abs_mul.
Qed.
Lemma sum_of_pairs (k l : list F) :
  sum_of (flat_map (fun a => map (mul a) l) k) = sum_of k [*] sum_of l.
Proof.
  induction k as [| a k IH]; [cbn [flat_map]; rewrite !sum_none; ring |].
  cbn [flat_map]. rewrite sum_app, sum_cons, sum_scaled, IH. ring.
Qed.
Lemma exact_product s t : exact (Product s t) = exact s [*] exact t.
Proof. apply sum_of_pairs. Qed.
Lemma size_product s t : size (Product s t) = size s [*] size t.
Proof.
  unfold size, sum_of_abs. cbn [addends]. rewrite <- sum_of_pairs. f_equal.
  induction (addends s) as [| a k IH]; [easy |].
  cbn [flat_map map]. rewrite map_app, IH, !map_map. f_equal. apply map_ext. intros. apply abs_mul.
Qed.
Lemma exact_le_size t : abs (exact t) [<=] size t.
Proof.
  unfold exact, size, sum_of_abs. induction (addends t) as [| a l IH]; cbn [map].
  - rewrite sum_none, abs_zero. apply le_refl.
  - rewrite !sum_cons. apply (le_trans _ _ (abs a [+] abs (sum_of l))); [apply abs_add |].
    apply add_both; [apply le_refl | exact IH].
Qed.
Lemma size_positive t : zero [<=] size t.
Proof. apply (le_trans _ _ (abs (exact t))); [apply abs_positive | apply exact_le_size]. Qed.

(* The error of any tree. *)
Lemma any_tree rounds t x : standard_model rounds -> sound t -> computes rounds t x ->
  abs (sub x (exact t)) [<=] sub (grown t) (size t).
Proof.
  intros model good made. induction made
    as [a | s t x y S IHs T IHt | c t x T IH | s t x y S IHs T IHt | u t x y T IH R].
  - unfold exact, size, sum_of_abs. cbn [grown addends map]. rewrite !sum_cons, !sum_none.
    replace (sub a (a [+] zero)) with (zero : F) by ring. rewrite abs_zero.
    replace (sub (abs a) (abs a [+] zero)) with (zero : F) by ring. apply le_refl.
  - destruct good as [G H]. rewrite exact_sum, size_sum. cbn [grown].
    replace (sub (x [+] y) (exact s [+] exact t))
      with (sub x (exact s) [+] sub y (exact t)) by ring.
    replace (sub (grown s [+] grown t) (size s [+] size t))
      with (sub (grown s) (size s) [+] sub (grown t) (size t)) by ring.
    eapply le_trans; [apply abs_add | apply add_both; auto].
  - rewrite exact_multiple, size_multiple. cbn [grown].
    replace (sub (c [*] x) (c [*] exact t)) with (c [*] sub x (exact t)) by ring.
    replace (sub (abs c [*] grown t) (abs c [*] size t))
      with (abs c [*] sub (grown t) (size t)) by ring.
    rewrite abs_mul. apply mul_left; [apply abs_positive | auto].
  - destruct good as [G H]. rewrite exact_product, size_product. cbn [grown].
    specialize (IHs G). specialize (IHt H).
    set (a := exact s) in *. set (b := exact t) in *.
    set (p := sub (grown s) (size s)) in *. set (q := sub (grown t) (size t)) in *.
    assert (zero [<=] p /\ zero [<=] q) as [P Q].
    { split; eapply le_trans; [apply abs_positive | exact IHs | apply abs_positive | exact IHt]. }
    replace (sub (x [*] y) (a [*] b))
      with (sub x a [*] sub y b [+] (a [*] sub y b [+] b [*] sub x a)) by ring.
    replace (sub (grown s [*] grown t) (size s [*] size t))
      with (p [*] q [+] (size s [*] q [+] size t [*] p)) by (unfold p, q; ring).
    pose proof (exact_le_size s) as A. pose proof (exact_le_size t) as B.
    assert (forall c d e f : F, abs c [<=] e -> abs d [<=] f -> zero [<=] f ->
      abs (c [*] d) [<=] e [*] f) as M.
    { intros c d e f E K Z. rewrite abs_mul. apply (le_trans _ _ (abs c [*] f)).
      - apply mul_left; [apply abs_positive | easy].
      - now apply mul_right. }
    eapply le_trans; [apply abs_add | apply add_both; [now apply M |]].
    eapply le_trans; [apply abs_add | apply add_both; now apply M].
  - destruct good as [U G]. destruct (model _ _ _ R) as (d & D & ->). specialize (IH G).
    change (exact (Rounded u t)) with (exact t). change (size (Rounded u t)) with (size t).
    cbn [grown].
    assert (abs x [<=] grown t) as X.
    { replace x with (sub x (exact t) [+] exact t) by ring.
      replace (grown t) with (sub (grown t) (size t) [+] size t) by ring.
      eapply le_trans; [apply abs_add |]. apply add_both; [easy | apply exact_le_size]. }
    replace (sub (x [*] (one [+] d)) (exact t)) with (sub x (exact t) [+] x [*] d) by ring.
    replace (sub ((one [+] u) [*] grown t) (size t))
      with (sub (grown t) (size t) [+] u [*] grown t) by ring.
    eapply le_trans; [apply abs_add |]. apply add_both; [easy |]. rewrite abs_mul.
    apply (le_trans _ _ (abs x [*] u)); [apply mul_left; [apply abs_positive | easy] |].
    replace (abs x [*] u) with (u [*] abs x) by ring. now apply mul_left.
Qed.

Lemma grown_above t : sound t -> size t [<=] grown t.
Proof.
  induction t as [a | s IHs t IHt | c t IH | s IHs t IHt | u t IH]; cbn [sound grown]; intros S.
  - unfold size, sum_of_abs. cbn [addends map]. rewrite sum_cons, sum_none.
    replace (abs a [+] zero) with (abs a) by ring. apply le_refl.
  - rewrite size_sum. destruct S. apply add_both; auto.
  - rewrite size_multiple. apply mul_left; [apply abs_positive | auto].
  - rewrite size_product. destruct S as [S T]. apply (le_trans _ _ (size s [*] grown t)).
    + apply mul_left; [apply size_positive | auto].
    + apply mul_right; [| auto]. apply (le_trans _ _ (size t)); [apply size_positive | auto].
  - destruct S as [U S]. change (size (Rounded u t)) with (size t). specialize (IH S).
    eapply le_trans; [exact IH |].
    replace ((one [+] u) [*] grown t) with (grown t [+] u [*] grown t) by ring.
    replace (grown t) with (grown t [+] zero) at 1 by ring. apply add_both; [apply le_refl |].
    apply le_mul; [easy |]. apply (le_trans _ _ (size t)); [apply size_positive | easy].
Qed.

(* The growth of a kernel. *)
Lemma factor_above u : zero [<=] u -> one [<=] one [+] u.
Proof.
  intros U. replace (one : F) with (one [+] zero : F) at 1 by ring.
  apply add_both; [apply le_refl | easy].
Qed.
Lemma factor_positive u : zero [<=] u -> zero [<=] one [+] u.
Proof. intros U. apply (le_trans _ _ one); [apply one_positive | now apply factor_above]. Qed.
Lemma more a b : one [<=] a -> zero [<=] b -> b [<=] b [*] a.
Proof. intros A B. replace b with (b [*] one) at 1 by ring. now apply mul_left. Qed.
Lemma power_above a n : one [<=] a -> one [<=] power a n.
Proof.
  intros A. induction n as [| n IH]; cbn; [apply le_refl |].
  apply (le_trans _ _ (power a n)); [easy |]. apply more; [easy |].
  eapply le_trans; [apply one_positive | easy].
Qed.
Lemma power_more a n m : one [<=] a -> n <= m -> power a n [<=] power a m.
Proof.
  intros A L. induction L as [| m L IH]; [apply le_refl |].
  apply (le_trans _ _ (power a m)); [easy |].
  cbn. apply more; [easy |]. apply (le_trans _ _ one); [apply one_positive | now apply power_above].
Qed.

Definition growth u v n m := power (one [+] v) m [*] power (one [+] u) (Nat.pred n).
Lemma growth_above u v n m : zero [<=] u -> zero [<=] v -> one [<=] growth u v n m.
Proof.
  intros U V. unfold growth. apply (le_trans _ _ (power (one [+] v) m)).
  - now apply power_above, factor_above.
  - apply more; [now apply power_above, factor_above |].
    apply (le_trans _ _ one); [apply one_positive | now apply power_above, factor_above].
Qed.
Lemma growth_more u v n k m : zero [<=] u -> zero [<=] v -> n <= k ->
  growth u v n m [<=] growth u v k m.
Proof.
  intros U V L. unfold growth. apply mul_left.
  - apply (le_trans _ _ one); [apply one_positive | now apply power_above, factor_above].
  - apply power_more; [now apply factor_above | lia].
Qed.
Lemma growth_next u v n k m : zero [<=] u -> zero [<=] v -> 1 <= n < k ->
  (one [+] u) [*] growth u v n m [<=] growth u v k m.
Proof.
  intros U V [N L]. apply (le_trans _ _ (growth u v (S n) m)); [| now apply growth_more].
  unfold growth. destruct n as [| n]; [lia |]. cbn [Nat.pred power].
  replace ((one [+] u) [*] (power (one [+] v) m [*] power (one [+] u) n))
    with (power (one [+] v) m [*] (power (one [+] u) n [*] (one [+] u))) by ring.
  apply le_refl.
Qed.
Lemma growth_again u v n m : growth u v n (S m) = (one [+] v) [*] growth u v n m.
Proof. unfold growth. cbn [power]. ring. Qed.

Lemma kernel_sound u v n m t : zero [<=] u -> zero [<=] v -> kernel u v n m t -> sound t.
Proof. intros U V. induction 1; cbn; auto. Qed.
Lemma kernel_grown u v n m t : zero [<=] u -> zero [<=] v -> kernel u v n m t ->
  grown t [<=] growth u v n m [*] size t.
Proof.
  intros U V K.
  assert (forall n m, zero [<=] growth u v n m) as P.
  { intros. apply (le_trans _ _ one); [apply one_positive | now apply growth_above]. }
  assert (forall a, size (Exact a) = abs a) as E.
  { intros a. unfold size, sum_of_abs. cbn [addends map]. rewrite sum_cons, sum_none. ring. }
  assert (forall n k m t, n <= k ->
    growth u v n m [*] size t [<=] growth u v k m [*] size t) as W.
  { intros. apply mul_right; [apply size_positive | now apply growth_more]. }
  induction K as [a m | m | c n m t K IH | a m | m t n K IH | n k m s t N L S IHs T IHt
    | n k m s t S IHs T IHt]; cbn [grown].
  - rewrite E. replace (abs a) with (one [*] abs a) at 1 by ring.
    apply mul_right; [apply abs_positive | now apply growth_above].
  - rewrite E, abs_zero. replace (growth u v 0 m [*] zero) with (zero : F) by ring. apply le_refl.
  - change (size (Rounded v (Multiple c t))) with (size (Multiple c t)).
    rewrite size_multiple, growth_again.
    replace ((one [+] v) [*] growth u v n m [*] (abs c [*] size t))
      with ((one [+] v) [*] abs c [*] (growth u v n m [*] size t)) by ring.
    replace ((one [+] v) [*] (abs c [*] grown t)) with ((one [+] v) [*] abs c [*] grown t) by ring.
    apply mul_left; [| easy]. apply le_mul; [now apply factor_positive | apply abs_positive].
  - change (size (Rounded v (Exact a))) with (size (Exact a)). rewrite E, growth_again.
    apply mul_right; [apply abs_positive |]. apply more; [now apply growth_above |].
    now apply factor_positive.
  - change (size (Rounded v t)) with (size t). rewrite growth_again.
    replace ((one [+] v) [*] growth u v n m [*] size t)
      with ((one [+] v) [*] (growth u v n m [*] size t)) by ring.
    apply mul_left; [now apply factor_positive | easy].
  - change (size (Rounded u (Sum s t))) with (size (Sum s t)). rewrite size_sum.
    replace ((one [+] u) [*] (grown s [+] grown t))
      with ((one [+] u) [*] grown s [+] (one [+] u) [*] grown t) by ring.
    replace (growth u v (n + k) m [*] (size s [+] size t))
      with (growth u v (n + k) m [*] size s [+] growth u v (n + k) m [*] size t) by ring.
    apply add_both.
    + apply (le_trans _ _ ((one [+] u) [*] (growth u v n m [*] size s))).
      * apply mul_left; [now apply factor_positive | easy].
      * replace ((one [+] u) [*] (growth u v n m [*] size s))
          with ((one [+] u) [*] growth u v n m [*] size s) by ring.
        apply mul_right; [apply size_positive | apply growth_next; auto; lia].
    + apply (le_trans _ _ ((one [+] u) [*] (growth u v k m [*] size t))).
      * apply mul_left; [now apply factor_positive | easy].
      * replace ((one [+] u) [*] (growth u v k m [*] size t))
          with ((one [+] u) [*] growth u v k m [*] size t) by ring.
        apply mul_right; [apply size_positive | apply growth_next; auto; lia].
  - rewrite size_sum.
    replace (growth u v (n + k) m [*] (size s [+] size t))
      with (growth u v (n + k) m [*] size s [+] growth u v (n + k) m [*] size t) by ring.
    apply add_both; [apply (le_trans _ _ _ _ IHs) | apply (le_trans _ _ _ _ IHt)]; apply W; lia.
Qed.

(* gamma e = e / (1 - e), where e is the sum of the unit roundoffs on the longest way. *)
Definition below a b := a [<=] b /\ a <> b.
Definition gamma e := e [*] inv (sub one e).
Definition roundoffs u v n m := times m v [+] times (Nat.pred n) u.
Definition compound g e := zero [<=] g /\ zero [<=] e /\ g [*] sub one e [<=] one.

Lemma compound_next g e u : zero [<=] u -> compound g e -> compound (g [*] (one [+] u)) (e [+] u).
Proof.
  intros U (G & E & H). split; [| split].
  - apply le_mul; [easy | now apply factor_positive].
  - now apply add_positive.
  - apply (le_trans _ _ (g [*] sub one e)); [| easy]. apply shift.
    replace (sub (g [*] sub one e) (g [*] (one [+] u) [*] sub one (e [+] u)))
      with (g [*] (u [*] (e [+] u))) by ring.
    apply le_mul; [easy | apply le_mul; [easy | now apply add_positive]].
Qed.
Lemma compound_growth u v n m : zero [<=] u -> zero [<=] v ->
  compound (growth u v n m) (roundoffs u v n m).
Proof.
  intros U V. unfold growth, roundoffs. induction (Nat.pred n) as [| k IH]; cbn [power times].
  - replace (power (one [+] v) m [*] one) with (power (one [+] v) m) by ring.
    replace (times m v [+] zero) with (times m v) by ring.
    induction m as [| m IH]; cbn [power times]; [| now apply compound_next].
    repeat split; [apply one_positive | apply le_refl |].
    replace (one [*] sub one zero) with (one : F) by ring. apply le_refl.
  - apply (compound_next _ _ u) in IH; [| easy].
    replace (power (one [+] v) m [*] (power (one [+] u) k [*] (one [+] u)))
      with (power (one [+] v) m [*] power (one [+] u) k [*] (one [+] u)) by ring.
    now replace (times m v [+] (times k u [+] u)) with (times m v [+] times k u [+] u) by ring.
Qed.
Lemma inv_positive a : below zero a -> zero [<=] inv a.
Proof.
  intros [A N]. assert (a [*] inv a = one) as I by (apply inv_mul; intros E; now apply N).
  destruct (le_total _ zero (inv a)) as [H | H]; [easy |]. exfalso. apply (distinct F).
  apply le_antisym; [apply one_positive |]. rewrite <- I.
  replace (zero : F) with (a [*] zero) by ring. now apply mul_left.
Qed.
Lemma compound_gamma g e : compound g e -> below e one -> sub g one [<=] gamma e.
Proof.
  intros (G & E & H) [L N]. assert (below zero (sub one e)) as P.
  { split; [now apply unshift |]. intros Z. apply N.
    replace (one : F) with (sub one e [+] e) by ring. rewrite <- Z. ring. }
  assert (sub one e [*] inv (sub one e) = one) as I.
  { destruct P as [_ P]. apply inv_mul. intros Z. now apply P. }
  unfold gamma. set (i := inv (sub one e)) in *.
  assert (e [*] i = i [*] one [+] opp (sub one e [*] i)) as R by ring. rewrite R, I.
  replace (sub g one) with (i [*] (g [*] sub one e) [+] opp (one : F)).
  - apply le_add, mul_left; [now apply inv_positive | easy].
  - replace (i [*] (g [*] sub one e)) with (g [*] (sub one e [*] i)) by ring. rewrite I. ring.
Qed.

Lemma gamma_positive e : zero [<=] e -> below e one -> zero [<=] gamma e.
Proof.
  intros E [L N]. apply le_mul; [easy |]. apply inv_positive. split; [now apply unshift |].
  intros Z. apply N. replace (one : F) with (sub one e [+] e) by ring. rewrite <- Z. ring.
Qed.

(* The growth of a computation of any shape. *)
Lemma way_grown e t : way e t ->
  sound t /\ zero [<=] e /\ (e [<=] one -> grown t [*] sub one e [<=] size t).
Proof.
  induction 1 as [a | d e t W (S & P & G) L | e s t W (S & P & G) X (T & _ & H)
    | c e t W (S & P & G) | d e s t W (S & P & G) X (T & Q & H) | u e t U W (S & P & G)];
    repeat split; cbn [sound grown]; try easy.
  - apply le_refl.
  - intros _. unfold size, sum_of_abs. cbn [addends map]. rewrite sum_cons, sum_none.
    replace (abs a [*] sub one zero) with (abs a [+] zero) by ring. apply le_refl.
  - now apply (le_trans _ _ d).
  - intros E. assert (d [<=] one) as D by now apply (le_trans _ _ e).
    eapply le_trans; [| now apply G]. apply mul_left.
    + apply (le_trans _ _ (size t)); [apply size_positive | apply grown_above; easy].
    + apply shift. replace (sub (sub one d) (sub one e)) with (sub e d) by ring. now apply unshift.
  - intros E. rewrite size_sum.
    replace ((grown s [+] grown t) [*] sub one e)
      with (grown s [*] sub one e [+] grown t [*] sub one e) by ring. apply add_both; auto.
  - intros E. rewrite size_multiple.
    replace (abs c [*] grown t [*] sub one e) with (abs c [*] (grown t [*] sub one e)) by ring.
    apply mul_left; [apply abs_positive | auto].
  - now apply add_positive.
  - intros E. rewrite size_product.
    assert (d [<=] one /\ e [<=] one) as [D K].
    { split; (eapply le_trans; [| exact E]).
      - replace d with (d [+] zero) at 1 by ring. apply add_both; [apply le_refl | easy].
      - replace e with (zero [+] e) at 1 by ring. apply add_both; [easy | apply le_refl]. }
    pose proof (unshift _ _ D) as D'. pose proof (unshift _ _ K) as K'.
    pose proof (size_positive s) as Ss. pose proof (size_positive t) as St.
    assert (zero [<=] grown s) as Gs
      by (apply (le_trans _ _ (size s)); [easy | now apply grown_above]).
    assert (zero [<=] grown t) as Gt
      by (apply (le_trans _ _ (size t)); [easy | now apply grown_above]).
    apply (le_trans _ _ ((grown s [*] sub one d) [*] (grown t [*] sub one e))).
    + replace (grown s [*] sub one d [*] (grown t [*] sub one e))
        with (grown s [*] grown t [*] (sub one d [*] sub one e)) by ring.
      apply mul_left; [now apply le_mul |]. apply shift.
      replace (sub (sub one d [*] sub one e) (sub one (d [+] e))) with (d [*] e) by ring.
      now apply le_mul.
    + apply (le_trans _ _ (size s [*] (grown t [*] sub one e))).
      * apply mul_right; [now apply le_mul | auto].
      * apply mul_left; auto.
  - now apply add_positive.
  - intros E. change (size (Rounded u t)) with (size t).
    assert (e [<=] one) as K.
    { eapply le_trans; [| exact E].
      replace e with (e [+] zero) at 1 by ring. apply add_both; [apply le_refl | easy]. }
    assert (zero [<=] grown t) as Gt.
    { apply (le_trans _ _ (size t)); [apply size_positive | now apply grown_above]. }
    eapply le_trans; [| now apply G].
    apply shift.
    replace (sub (grown t [*] sub one e) ((one [+] u) [*] grown t [*] sub one (e [+] u)))
      with (grown t [*] (u [*] (e [+] u))) by ring.
    apply le_mul; [easy |]. apply le_mul; [easy | now apply add_positive].
Qed.

Variable rounds : rounding F.
Hypothesis model : standard_model rounds.

(* The theorem for computations of any shape: e is the sum of the unit roundoffs on the longest way
   from an entry to the result, size t the sum of the absolute values of all products of entries. *)
Theorem any_shape e s x : way e s -> computes rounds s x -> below e one ->
  abs (sub x (exact s)) [<=] gamma e [*] size s.
Proof using model.
  intros W C B. destruct (way_grown _ _ W) as (S & P & G). destruct B as [L N].
  eapply le_trans; [now apply (any_tree rounds) |].
  assert (below zero (sub one e)) as D.
  { split; [now apply unshift |]. intros Z. apply N.
    replace (one : F) with (sub one e [+] e) by ring. rewrite <- Z. ring. }
  assert (sub one e [*] inv (sub one e) = one) as I.
  { destruct D as [_ D]. apply inv_mul. intros Z. now apply D. }
  pose proof (inv_positive _ D) as J. specialize (G L).
  apply shift. unfold gamma. set (i := inv (sub one e)) in *.
  replace (sub (e [*] i [*] size s) (sub (grown s) (size s)))
    with (i [*] sub (size s) (grown s [*] sub one e)
      [+] (sub one (sub one e [*] i)) [*] sub (size s) (grown s)) by ring.
  rewrite I. replace (sub one one [*] sub (size s) (grown s)) with (zero : F) by ring.
  apply add_positive; [| apply le_refl]. apply le_mul; [easy | now apply unshift].
Qed.

Variables (u v : F) (n m : nat) (t : tree F).
Hypotheses (sums : zero [<=] u) (products : zero [<=] v).
Hypothesis computed_by : kernel u v n m t.

(* The error in terms of (1 + v)^m (1 + u)^(n - 1) - 1. *)
Theorem error x : computes rounds t x ->
  abs (sub x (exact t)) [<=] sub (growth u v n m) one [*] size t.
Proof.
  intros C. eapply le_trans; [apply (any_tree rounds); eauto using kernel_sound |].
  replace (sub (growth u v n m) one [*] size t)
    with (growth u v n m [*] size t [+] opp (size t)) by ring.
  replace (sub (grown t) (size t)) with (grown t [+] opp (size t)) by ring.
  now apply le_add, kernel_grown.
Qed.

(* The same, where the result is rounded once more, with the unit roundoff w. *)
Theorem error_rounded w x : zero [<=] w -> computes rounds (Rounded w t) x ->
  abs (sub x (exact t)) [<=] sub (growth u v n m [*] (one [+] w)) one [*] size t.
Proof.
  intros W C. assert (sound (Rounded w t)) as S by (split; [easy | eauto using kernel_sound]).
  pose proof (any_tree rounds _ _ model S C) as B.
  change (exact (Rounded w t)) with (exact t) in B. change (size (Rounded w t)) with (size t) in B.
  eapply le_trans; [exact B |]. cbn [grown].
  replace (sub (growth u v n m [*] (one [+] w)) one [*] size t)
    with ((one [+] w) [*] (growth u v n m [*] size t) [+] opp (size t)) by ring.
  replace (sub ((one [+] w) [*] grown t) (size t))
    with ((one [+] w) [*] grown t [+] opp (size t)) by ring.
  apply le_add, mul_left; [now apply factor_positive | now apply (kernel_grown u v n m)].
Qed.

Lemma weaken a b c x : abs x [<=] a [*] c -> a [<=] b -> zero [<=] c -> abs x [<=] b [*] c.
Proof. intros H L C. eapply le_trans; [exact H | now apply mul_right]. Qed.

(* The addends in any order, with any number of zeros between them. *)
Variables (l : list F) (z : nat).
Hypothesis any_order : Permutation (addends t) (l ++ repeat zero z).

Lemma exact_any_order : exact t = sum_of l.
Proof using any_order.
  unfold exact. rewrite (sum_permuted _ _ any_order), sum_app, sum_of_zeros. ring.
Qed.
Lemma size_any_order : size t = sum_of_abs l.
Proof using any_order.
  unfold size, sum_of_abs.
  rewrite (sum_permuted _ _ (Permutation_map abs any_order)), map_app, sum_app.
  rewrite abs_of_zeros, sum_of_zeros. ring.
Qed.

(* The theorem: how far what is computed is from the sum of l. With u = v, roundoffs u v n 1 is
   n u, and the factor is n u / (1 - n u). *)
Theorem sum_of_products x : computes rounds t x -> below (roundoffs u v n m) one ->
  abs (sub x (sum_of l)) [<=] gamma (roundoffs u v n m) [*] sum_of_abs l.
Proof using All.
  intros C B. rewrite <- exact_any_order, <- size_any_order.
  apply (weaken _ _ _ _ (error x C)); [| apply size_positive].
  apply compound_gamma; [now apply compound_growth | easy].
Qed.
Theorem sum_of_products_rounded w x : zero [<=] w -> computes rounds (Rounded w t) x ->
  below (roundoffs u v n m [+] w) one ->
  abs (sub x (sum_of l)) [<=] gamma (roundoffs u v n m [+] w) [*] sum_of_abs l.
Proof using All.
  intros W C B. rewrite <- exact_any_order, <- size_any_order.
  apply (weaken _ _ _ _ (error_rounded w x W C)); [| apply size_positive].
  apply compound_gamma; [apply compound_next; [easy | now apply compound_growth] | easy].
Qed.

(* A sum that is stored: computed in a wide format, within e of s, and rounded once to a narrow one,
   with the unit roundoff w; near 0 it may be off by theta. The last rounding counts by the size of
   the sum, not of its products. *)
Theorem stored w theta s e x y r : abs (sub x s) [<=] e -> rounds w x y ->
  abs (sub r y) [<=] theta -> abs (sub r s) [<=] e [+] w [*] (abs s [+] e) [+] theta.
Proof using model.
  intros E W R. destruct (model _ _ _ W) as (d & D & Y). rewrite Y in R.
  replace (sub r s) with (sub x s [+] d [*] x [+] sub r (x [*] (one [+] d))) by ring.
  eapply le_trans; [apply abs_add | apply add_both; [| exact R]].
  eapply le_trans; [apply abs_add | apply add_both; [exact E |]].
  rewrite abs_mul. apply (le_trans _ _ (w [*] abs x)).
  - apply mul_right; [apply abs_positive | exact D].
  - apply mul_left; [eapply le_trans; [apply abs_positive | exact D] |].
    replace (abs x) with (abs (s [+] sub x s)) by (f_equal; ring).
    eapply le_trans; [apply abs_add | apply add_both; [apply le_refl | exact E]].
Qed.

(* Gradual underflow. A product is a b (1 + d) + h with |h| <= eta, where d or h is 0: it is the
   rounded product of an addend of l that is eta away from that of k. What is stored last may be
   off by theta. A sum of two numbers does not underflow. *)
Lemma off_by eta (r k : list F) : zero [<=] eta ->
  Forall2 (fun a b => abs (sub b a) [<=] eta) k r ->
  abs (sub (sum_of r) (sum_of k)) [<=] times (length k) eta /\
  sum_of_abs r [<=] sum_of_abs k [+] times (length k) eta.
Proof.
  intros E. induction 1 as [| a b k r D R [IH IH']]; unfold sum_of_abs in *; cbn [map length times].
  - rewrite !sum_none. replace (sub zero zero) with (zero : F) by ring. rewrite abs_zero.
    split; [apply le_refl |]. replace (zero [+] zero) with (zero : F) by ring. apply le_refl.
  - rewrite !sum_cons. split.
    + replace (sub (b [+] sum_of r) (a [+] sum_of k))
        with (sub (sum_of r) (sum_of k) [+] sub b a) by ring.
      eapply le_trans; [apply abs_add | now apply add_both].
    + replace (abs a [+] sum_of (map abs k) [+] (times (length k) eta [+] eta))
        with (abs a [+] eta [+] (sum_of (map abs k) [+] times (length k) eta)) by ring.
      apply add_both; [| easy]. replace b with (a [+] sub b a) by ring.
      eapply le_trans; [apply abs_add | apply add_both; [apply le_refl | easy]].
Qed.
Theorem sum_of_products_near_zero eta theta k w x y : zero [<=] eta -> zero [<=] w ->
  Forall2 (fun a b => abs (sub b a) [<=] eta) k l -> computes rounds (Rounded w t) x ->
  abs (sub y x) [<=] theta -> below (roundoffs u v n m [+] w) one ->
  let g := gamma (roundoffs u v n m [+] w) in let far := times (length k) eta in
  abs (sub y (sum_of k)) [<=] g [*] (sum_of_abs k [+] far) [+] far [+] theta.
Proof using All.
  intros E W K C Y B g far. destruct (off_by eta l k E K) as [D S].
  replace (sub y (sum_of k))
    with (sub x (sum_of l) [+] sub (sum_of l) (sum_of k) [+] sub y x) by ring.
  eapply le_trans; [apply abs_add | apply add_both; [| easy]].
  eapply le_trans; [apply abs_add | apply add_both; [| easy]].
  apply (le_trans _ _ (g [*] sum_of_abs l)); [now apply sum_of_products_rounded |].
  apply mul_left; [| easy]. apply gamma_positive; [| easy].
  apply add_positive; [| easy]. apply (compound_growth u v n m sums products).
Qed.
End Bound.


(* A sum over the integers that is zero outside 0 .. n - 1, as scripts write it, is such a sum. *)
Lemma total_is_sum_of (F : Field) b n (f : Z -> F) : (0 <= n <= b)%Z ->
  (forall i, ~ (0 <= i < n)%Z -> f i = zero) ->
  total b f = sum_of (map (fun i => f (Z.of_nat i)) (seq 0 (Z.to_nat n))).
Proof.
  intros [N B] O. rewrite (total_few _ b n) by auto. generalize (Z.to_nat n) as k.
  induction k as [| k IH]; [easy |]. rewrite seq_S, map_app, sum_app, <- IH. cbn [map first].
  rewrite sum_cons, sum_none. cbn [Nat.add]. destruct (laws F) as [A C D _ _ _ _ _ _].
  now rewrite (C (f (Z.of_nat k))), A.
Qed.

(* The products of an entry, as a list: of each point of a sum whose brackets are 1. *)
Definition window (b : Z) : list Z :=
  map (fun i => (Z.of_nat i - b)%Z) (seq 0 (Z.to_nat (2 * b + 1))).
Definition inside (e n : Z) : bool := if within e n then true else false.
Definition vanishes (e : Z) : bool := if Z.eq_dec e 0 then true else false.
Definition when {F : Field} (holds : bool) (a : F) : list F := if holds then [a] else [].

Section Lists.
Variable F : Field.
Implicit Types (f : Z -> F) (l : Z -> list F) (b : Z).

Lemma first_map (A : Ring) n (f : Z -> A) g :
  first n (fun i => f (g i)) =
    fold_right add zero (map f (map (fun i => g (Z.of_nat i)) (seq 0 n))).
Proof.
  assert (forall (r : list A) a,
    fold_right add zero (r ++ [a]) = fold_right add zero r [+] a) as S.
  { destruct (laws A) as [Z C D _ _ _ _ _ _]. intros r a. induction r as [| c r IH]; cbn.
    - now rewrite (C a).
    - now rewrite IH, D. }
  induction n as [| n IH]; [easy |]. rewrite seq_S, !map_app. cbn [map first]. now rewrite S, <- IH.
Qed.
Lemma total_lists b f l : (forall i, f i = sum_of (l i)) ->
  total b f = sum_of (flat_map l (window b)).
Proof.
  intros E. unfold total, window. rewrite (first_map _ _ f (fun i => i - b)%Z).
  induction (map _ (seq _ _)) as [| i r IH]; [easy |]. cbn [map fold_right flat_map].
  now rewrite sum_app, <- E, <- IH.
Qed.
Lemma total_lists_abs b f l : (forall i, f i = sum_of_abs (l i)) ->
  total b f = sum_of_abs (flat_map l (window b)).
Proof.
  intros E. unfold sum_of_abs. rewrite flat_map_concat_map, concat_map, map_map.
  rewrite <- flat_map_concat_map. now apply total_lists.
Qed.
Lemma total_lengths b (f : Z -> integers) l : (forall i, f i = Z.of_nat (length (l i))) ->
  total b f = Z.of_nat (length (flat_map l (window b))).
Proof.
  intros E. unfold total, window. rewrite (first_map _ _ f (fun i => i - b)%Z).
  induction (map _ (seq _ _)) as [| i r IH]; [easy |]. cbn [map fold_right flat_map].
  rewrite app_length, Nat2Z.inj_add, <- E, <- IH. reflexivity.
Qed.
Lemma sum_app_abs (k r : list F) : sum_of_abs (k ++ r) = sum_of_abs k [+] sum_of_abs r.
Proof. unfold sum_of_abs. now rewrite map_app, sum_app. Qed.
Lemma length_app (k r : list F) :
  Z.of_nat (length (k ++ r)) = (Z.of_nat (length k) + Z.of_nat (length r))%Z.
Proof. now rewrite app_length, Nat2Z.inj_add. Qed.
End Lists.

(* One product: the cases of its brackets. *)
Ltac cases := unfold when, inside, vanishes, box, point;
  repeat match goal with
  | |- context [within ?e ?n] => destruct (within e n)
  | |- context [Z.eq_dec ?e 0] => destruct (Z.eq_dec e 0)
  end; cbn [andb].

(* The constant is the least that the standard model allows: some kernel reaches it. *)
Section Attained.
Variable F : Field.
Add Ring attained_ring : (laws F).
Definition upwards : rounding F := fun u x y => zero [<=] u /\ y = x [*] (one [+] u).
Lemma upwards_standard : standard_model upwards.
Proof.
  intros u x y [U ->]. exists u. split; [rewrite abs_pos by easy; apply le_refl | easy].
Qed.
Fixpoint times_rounded (u : F) (m : nat) (t : tree F) : tree F :=
  match m with O => t | S k => Rounded u (times_rounded u k t) end.
Fixpoint one_after_another (u : F) (n : nat) (t : tree F) : tree F :=
  match n with O => t | S k => Rounded u (Sum (one_after_another u k t) (Exact zero)) end.

Theorem attained (u v : F) (n m : nat) : zero [<=] u -> zero [<=] v -> 1 <= n ->
  exists rounds t x, standard_model rounds /\ kernel u v n m t /\ size t = one /\
    computes rounds t x /\ abs (sub x (exact t)) = sub (growth F u v n m) one [*] size t.
Proof.
  intros U V N. exists upwards, (one_after_another u (Nat.pred n) (times_rounded v m (Exact one))).
  exists (growth F u v n m). split; [apply upwards_standard |].
  assert (exact (one_after_another u (Nat.pred n) (times_rounded v m (Exact one))) = one /\
    size (one_after_another u (Nat.pred n) (times_rounded v m (Exact (one : F)))) = one) as [E S].
  { generalize (Nat.pred n) as k. induction k as [| k [IH IH']]; cbn [one_after_another].
    - induction m as [| m [IH IH']]; [| easy]. unfold exact, size, sum_of_abs. cbn.
      rewrite abs_pos by apply one_positive. split; ring.
    - split.
      + etransitivity; [apply exact_sum |]. rewrite IH. unfold exact. cbn. ring.
      + etransitivity; [apply size_sum |]. rewrite IH'. unfold size, sum_of_abs. cbn.
        rewrite abs_zero. ring. }
  rewrite E, S. repeat split.
  - destruct n as [| n]; [lia |]. clear. cbn [Nat.pred]. induction n as [| n IH].
    + cbn [one_after_another].
      induction m as [| m IH]; [apply addend | now apply rounded_once_more].
    + cbn [one_after_another]. replace (S (S n)) with (S n + 1) by lia.
      apply added; auto; try lia. apply addend.
  - clear E S. unfold growth. generalize (Nat.pred n) as k.
    induction k as [| k IH]; cbn [one_after_another power].
    + induction m as [| m IH]; cbn [times_rounded power].
      * replace (one [*] one) with (one : F) by ring. apply computes_exact.
      * econstructor; [exact IH |]. split; [easy | ring].
    + eapply computes_rounded; [apply computes_sum; [exact IH | apply computes_exact] |].
      split; [easy | ring].
  - pose proof (growth_above F u v n m U V) as G. rewrite abs_pos; [ring | now apply unshift].
Qed.
End Attained.

(* The rational numbers are such a field. *)
Definition rational_ring : Ring :=
  Build_Ring Qc _ _ _ _ _ _ Qcrt.
Definition rationals : Field.
Proof.
  refine (Build_Field rational_ring Qcle Qcinv Qcabs _ _ _ _ _ _ _ _ _ _).
  - apply Qcle_refl.
  - apply Qcle_trans.
  - apply Qcle_antisym.
  - intros a b. destruct (Qclt_le_dec a b) as [H | H]; [left; now apply Qclt_le_weak | now right].
  - intros a b c H. apply Qcplus_le_compat; [easy | apply Qcle_refl].
  - intros a b H K. change (Qcle (Qcmult 0 b) (Qcmult a b)). now apply Qcmult_le_compat_r.
  - discriminate.
  - apply Qcmult_inv_r.
  - apply Qcabs_pos.
  - apply Qcabs_neg.
Defined.

Definition everything :=
  (sum_of_products, sum_of_products_rounded, sum_of_products_near_zero, any_shape, stored, attained,
   rationals).

Print Assumptions everything.
