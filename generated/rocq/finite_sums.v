(* Finite sums over the integers in an arbitrary commutative ring, brackets, and dual numbers.

   Every sum runs over -bound .. bound; a statement says that from some bound on both sides are
   one and the same value, which is what a sum over all integers with finite support means. *)

Require Import ZArith Lia Ring.
Open Scope Z_scope.

Record Ring : Type := {
  scalar :> Type;
  zero : scalar;
  one : scalar;
  add : scalar -> scalar -> scalar;
  mul : scalar -> scalar -> scalar;
  sub : scalar -> scalar -> scalar;
  opp : scalar -> scalar;
  laws : ring_theory zero one add mul sub opp (@eq scalar)
}.
Arguments zero {_}.
Arguments one {_}.
Arguments add {_} _ _.
Arguments mul {_} _ _.
Arguments sub {_} _ _.
Arguments opp {_} _.
Infix "[+]" := add (at level 50, left associativity).
Infix "[*]" := mul (at level 40, left associativity).

(* The first n values of a function, added up. *)
Fixpoint first {A : Ring} (n : nat) (f : Z -> A) : A :=
  match n with
  | O => zero
  | S m => first m f [+] f (Z.of_nat m)
  end.

Definition total {A : Ring} (bound : Z) (f : Z -> A) : A :=
  first (Z.to_nat (2 * bound + 1)) (fun i => f (i - bound)%Z).
Notation "'sum' [ b ] v , e" := (total b (fun v => e))
  (at level 200, b at level 99, v binder, right associativity).

(* Brackets: [0 <= e < n] and [e = 0]. *)
Definition within (e n : Z) : {0 <= e < n} + {~ (0 <= e < n)}.
Proof.
  destruct (Z_le_gt_dec 0 e) as [low | low]; [destruct (Z_lt_ge_dec e n) as [high | high] |].
  - left; auto.
  - right; lia.
  - right; lia.
Defined.
Definition box {A : Ring} (e n : Z) : A := if within e n then one else zero.
Definition point {A : Ring} (e : Z) : A := if Z.eq_dec e 0 then one else zero.

(* An integer as a scalar. *)
Definition const {A : Ring} (n : Z) : A :=
  if Z_le_gt_dec 0 n
  then first (Z.to_nat n) (fun _ => one)
  else opp (first (Z.to_nat (- n)) (fun _ => one)).

(* The integers, as a ring. *)
Lemma integer_laws : ring_theory 0 1 Z.add Z.mul Z.sub Z.opp eq.
Proof. constructor; intros; ring. Qed.
Definition integers : Ring := Build_Ring Z _ _ _ _ _ _ integer_laws.

(* Both sides are finite sums with one value. *)
Definition agree {A : Ring} (f g : Z -> A) : Prop :=
  exists value least, forall bound, least <= bound -> f bound = value /\ g bound = value.

(* Dual numbers: value + slope * epsilon, epsilon squared is zero. The slope of a function at
   x + epsilon * (one at h, zero elsewhere) is its derivative by x[h]. *)
Section Dual.
Variable A : Ring.
Add Ring dual_base : (laws A).
Definition pair_zero : A * A := (zero, zero).
Definition pair_one : A * A := (one, zero).
Definition pair_add (a b : A * A) : A * A := (fst a [+] fst b, snd a [+] snd b).
Definition pair_mul (a b : A * A) : A * A := (fst a [*] fst b, fst a [*] snd b [+] snd a [*] fst b).
Definition pair_sub (a b : A * A) : A * A := (sub (fst a) (fst b), sub (snd a) (snd b)).
Definition pair_opp (a : A * A) : A * A := (opp (fst a), opp (snd a)).
Lemma pair_laws : ring_theory pair_zero pair_one pair_add pair_mul pair_sub pair_opp eq.
Proof.
  constructor; intros; repeat match goal with a : (_ * _)%type |- _ => destruct a end;
    unfold pair_zero, pair_one, pair_add, pair_mul, pair_sub, pair_opp; simpl; f_equal; ring.
Qed.
Definition dual : Ring := Build_Ring (A * A)%type _ _ _ _ _ _ pair_laws.
Definition value (a : dual) : A := fst a.
Definition slope (a : dual) : A := snd a.
(* A function f with derivative f', on dual numbers. *)
Definition lifted (f f' : A -> A) (a : dual) : dual := (f (value a), f' (value a) [*] slope a).
End Dual.
Arguments value {_} _.
Arguments slope {_} _.
Arguments lifted {_} _ _ _.

Section Laws.
Variable A : Ring.
Add Ring base : (laws A).
Implicit Types (f g : Z -> A) (b : Z).

Lemma mul_zero_l (a : A) : zero [*] a = zero. Proof. ring. Qed.
Lemma mul_zero_r (a : A) : a [*] zero = zero. Proof. ring. Qed.
Lemma box_in e n : 0 <= e < n -> @box A e n = one.
Proof. unfold box; destruct (within e n); tauto. Qed.
Lemma box_out e n : ~ (0 <= e < n) -> @box A e n = zero.
Proof. unfold box; destruct (within e n); tauto. Qed.
Lemma box_split e n e' m e'' n' : e' = e -> e'' = (e - m)%Z -> n' = (n - m)%Z ->
  0 <= m -> 0 <= n' -> @box A e n = box e' m [+] box e'' n'.
Proof.
  intros -> -> -> M N. unfold box.
  destruct (within e n), (within e m), (within (e - m) (n - m)); try lia; ring.
Qed.
Lemma point_at e : e = 0 -> @point A e = one.
Proof. unfold point; destruct (Z.eq_dec e 0); tauto. Qed.
Lemma point_off e : e <> 0 -> @point A e = zero.
Proof. unfold point; destruct (Z.eq_dec e 0); tauto. Qed.
Lemma point_opp e e' : e' = (- e)%Z -> @point A e = point e'.
Proof. intros ->; unfold point; destruct (Z.eq_dec e 0), (Z.eq_dec (- e) 0); auto; lia. Qed.

Lemma first_ext n f g : (forall i, f i = g i) -> first n f = first n g.
Proof. intros E; induction n; simpl; [easy | now rewrite IHn, E]. Qed.
Lemma first_zero n f : (forall i, 0 <= i < Z.of_nat n -> f i = zero) -> first n f = zero.
Proof.
  induction n; simpl; intros E; [easy |]. rewrite IHn, E; [ring | lia |]. intros; apply E; lia.
Qed.
Lemma first_add n f g : first n (fun i => f i [+] g i) = first n f [+] first n g.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.
Lemma first_scale n c f : c [*] first n f = first n (fun i => c [*] f i).
Proof. induction n; simpl; [ring | rewrite <- IHn; ring]. Qed.
Lemma first_swap n m (f : Z -> Z -> A) :
  first n (fun i => first m (f i)) = first m (fun j => first n (fun i => f i j)).
Proof.
  induction n; simpl; [symmetry; now apply first_zero |]. rewrite IHn. now rewrite <- first_add.
Qed.
Lemma first_one n f e : 0 <= e < Z.of_nat n -> (forall i, i <> e -> f i = zero) -> first n f = f e.
Proof.
  induction n; intros E N; [lia |]. change (first n f [+] f (Z.of_nat n) = f e).
  destruct (Z.eq_dec (Z.of_nat n) e) as [<- | D].
  - rewrite first_zero; [ring |]. intros; apply N; lia.
  - rewrite IHn, (N (Z.of_nat n)); [ring | | |]; auto; lia.
Qed.
Lemma first_more n m f : (n <= m)%nat ->
  (forall i, Z.of_nat n <= i -> f i = zero) -> first m f = first n f.
Proof.
  intros L E; induction L as [| m L IH]; [easy |]. change (first m f [+] f (Z.of_nat m) = first n f).
  rewrite IH, (E (Z.of_nat m)); [ring | lia].
Qed.

Lemma total_ext b f g : (forall v, f v = g v) -> total b f = total b g.
Proof. intros E; apply first_ext; intros; apply E. Qed.
Lemma total_zero b f : (forall v, f v = zero) -> total b f = zero.
Proof. intros E; apply first_zero; intros; apply E. Qed.
Lemma total_add b f g : total b (fun v => f v [+] g v) = total b f [+] total b g.
Proof. apply first_add. Qed.
Lemma total_scale b c f g : (forall v, c [*] f v = g v) -> c [*] total b f = total b g.
Proof. intros E; unfold total; rewrite first_scale; apply first_ext; intros; apply E. Qed.
Lemma total_swap b (f : Z -> Z -> A) :
  total b (fun v => total b (f v)) = total b (fun u => total b (fun v => f v u)).
Proof. apply (first_swap _ _ (fun i j => f (i - b)%Z (j - b)%Z)). Qed.

(* The one-point rule: only v = e contributes, and e is in reach unless it contributes nothing. *)
Lemma total_sift b f e t : (forall v, v <> e -> f v = zero) -> f e = t ->
  (b < Z.abs e -> t = zero) -> total b f = t.
Proof.
  intros N <- F. destruct (Z_lt_ge_dec b (Z.abs e)) as [L | L].
  - rewrite F by auto. apply first_zero. intros i I. apply N. lia.
  - unfold total. rewrite (first_one _ _ (e + b)%Z).
    + f_equal; lia.
    + lia.
    + intros; apply N; lia.
Qed.

(* A bijection of the integers carries a sum into a sum, where both are in reach. *)
Lemma total_move b f g (go back : Z -> Z) :
  (forall v, back (go v) = v) -> (forall u, go (back u) = u) -> (forall u, f (go u) = g u) ->
  (forall v, b < Z.abs v -> f v = zero) -> (forall u, b < Z.abs u -> g u = zero) ->
  total b f = total b g.
Proof.
  intros GB BG E F G.
  transitivity (total b (fun v => total b (fun u => point (u - back v) [*] f v))).
  - apply total_ext; intros v. symmetry. apply (total_sift _ _ (back v)).
    + intros u N. rewrite point_off by lia. ring.
    + rewrite point_at by lia. ring.
    + intros L. rewrite <- (BG v), E. now apply G.
  - rewrite total_swap. apply total_ext; intros u. apply (total_sift _ _ (go u)).
    + intros v N. rewrite point_off; [ring |]. intros D. apply N. rewrite <- (BG v). f_equal. lia.
    + rewrite GB, point_at by lia. rewrite E. ring.
    + intros L. rewrite <- E. now apply F.
Qed.

(* Division with remainder: e = m u + rest, 0 <= rest < m, has one solution u. *)
Lemma total_euclid b e m (t : A) : 1 <= m -> (b < Z.abs e -> t = zero) ->
  t = total b (fun u => t [*] box (e - m * u) m).
Proof.
  intros M F. pose proof (Z.div_mod e m ltac:(lia)) as D.
  pose proof (Z.mod_pos_bound e m ltac:(lia)) as I. symmetry. apply (total_sift _ _ (e / m)).
  - intros u N. rewrite box_out; [ring |]. intros J. apply N.
    apply (Z.div_unique_pos e m u (e - m * u)); lia.
  - rewrite box_in by lia. ring.
  - intros L. apply F. enough (Z.abs (e / m) <= Z.abs e) by lia.
    set (q := e / m) in *. assert (q <= 0 \/ 0 < q) as [S | S] by lia; nia.
Qed.

(* A larger bound adds nothing. *)
Lemma total_more b least f g : 0 <= least <= b -> (forall v, least < Z.abs v -> f v = zero) ->
  (forall v, f v = g v) -> total b f = total least g.
Proof.
  intros L F E. transitivity (total least f); [| now apply total_ext]. unfold total.
  transitivity (first (Z.to_nat (b + least + 1)) (fun i => f (i - b)%Z)).
  - apply first_more; [lia |]. intros i I. apply F. lia.
  - replace (Z.to_nat (b + least + 1)) with (Z.to_nat (b - least) + Z.to_nat (2 * least + 1))%nat
      by lia.
    generalize (Z.to_nat (2 * least + 1)) as n. induction n as [| n IH].
    + rewrite Nat.add_0_r. apply first_zero. intros i I. apply F. lia.
    + rewrite Nat.add_succ_r. simpl. rewrite IH. f_equal. f_equal. lia.
Qed.

(* A sum that is zero outside 0 .. n - 1. *)
Lemma total_few b n f : 0 <= n -> n <= b -> (forall v, ~ (0 <= v < n) -> f v = zero) ->
  total b f = first (Z.to_nat n) f.
Proof.
  intros N L F. transitivity (first (Z.to_nat (b + 1)) f).
  - unfold total. replace (Z.to_nat (2 * b + 1)) with (Z.to_nat b + Z.to_nat (b + 1))%nat by lia.
    generalize (Z.to_nat (b + 1)) as m. induction m as [| m IH].
    + rewrite Nat.add_0_r. apply first_zero. intros i I. apply F. lia.
    + rewrite Nat.add_succ_r. simpl. rewrite IH. f_equal. f_equal. lia.
  - apply first_more; [lia |]. intros i I. apply F. lia.
Qed.

Lemma const_next n : @const A (n + 1) = const n [+] one.
Proof.
  unfold const. destruct (Z_le_gt_dec 0 (n + 1)) as [I | I], (Z_le_gt_dec 0 n) as [J | J]; try lia.
  - replace (Z.to_nat (n + 1)) with (S (Z.to_nat n)) by lia. reflexivity.
  - replace n with (-1)%Z by lia. simpl. ring.
  - replace (Z.to_nat (- n)) with (S (Z.to_nat (- (n + 1)))) by lia. simpl. ring.
Qed.
Lemma const_add e a b : e = (a + b)%Z -> @const A e = const a [+] const b.
Proof.
  intros ->. revert b. apply Z.bi_induction.
  - intros ? ? ->. reflexivity.
  - rewrite Z.add_0_r. unfold const at 3. simpl. ring.
  - intros b. rewrite <- Z.add_1_r, Z.add_assoc, !const_next. split; intros E.
    + rewrite E. ring.
    + transitivity (@const A (a + b) [+] one [+] opp one); [ring | rewrite E; ring].
Qed.
Lemma total_count b n : 0 <= n -> n <= b -> total b (fun v => box v n) = @const A n.
Proof.
  intros N L. rewrite (total_few b n) by (auto; intros; now apply box_out).
  unfold const. destruct (Z_le_gt_dec 0 n); [| lia].
  assert (forall m, Z.of_nat m <= n -> first m (fun v => box v n) = first m (fun _ => @one A)) as E.
  { induction m as [| m IH]; intros M; [reflexivity |]. cbn [first].
    rewrite IH, box_in by lia. reflexivity. }
  apply E. lia.
Qed.
Lemma const_zero : @const A 0 = zero.
Proof. reflexivity. Qed.
Lemma const_one : @const A 1 = one.
Proof. unfold const. simpl. ring. Qed.
Lemma const_mul e a b : e = (a * b)%Z -> @const A e = const a [*] const b.
Proof.
  intros ->. revert b. apply Z.bi_induction.
  - intros ? ? ->. reflexivity.
  - rewrite Z.mul_0_r. unfold const at 1 3. simpl. ring.
  - intros b. rewrite <- Z.add_1_r, const_next, (const_add (a * (b + 1)) (a * b) a) by ring.
    split; intros E.
    + rewrite E. ring.
    + transitivity (@const A (a * b) [+] const a [+] opp (const a)); [ring | rewrite E; ring].
Qed.

Lemma value_mul (a b : dual A) : value (a [*] b) = value a [*] value b. Proof. easy. Qed.
Lemma value_add (a b : dual A) : value (a [+] b) = value a [+] value b. Proof. easy. Qed.
Lemma slope_mul (a b : dual A) : slope (a [*] b) = value a [*] slope b [+] slope a [*] value b.
Proof. easy. Qed.
Lemma slope_add (a b : dual A) : slope (a [+] b) = slope a [+] slope b. Proof. easy. Qed.
Lemma value_lifted (f f' : A -> A) (a : dual A) x : value a = x -> value (lifted f f' a) = f x.
Proof. now intros <-. Qed.
Lemma slope_lifted (f f' : A -> A) (a : dual A) x :
  value a = x -> slope (lifted f f' a) = f' x [*] slope a.
Proof. now intros <-. Qed.
Lemma slope_bracket e n (a : dual A) : slope (box e n [*] a) = box e n [*] slope a.
Proof. rewrite slope_mul; unfold box; destruct (within e n); cbn; ring. Qed.
Lemma value_box e n : value (@box (dual A) e n) = box e n.
Proof. unfold box; now destruct (within e n). Qed.
Lemma slope_box e n : slope (@box (dual A) e n) = zero.
Proof. unfold box; now destruct (within e n). Qed.
Lemma value_point e : value (@point (dual A) e) = point e.
Proof. unfold point; now destruct (Z.eq_dec e 0). Qed.
Lemma slope_point e : slope (@point (dual A) e) = zero.
Proof. unfold point; now destruct (Z.eq_dec e 0). Qed.
Lemma value_total b (f : Z -> dual A) g :
  (forall v, value (f v) = g v) -> value (total b f) = total b g.
Proof.
  intros E. unfold total. induction (Z.to_nat (2 * b + 1)) as [| n IH]; cbn [first]; [easy |].
  now rewrite value_add, IH, E.
Qed.
Lemma slope_total b (f : Z -> dual A) g :
  (forall v, slope (f v) = g v) -> slope (total b f) = total b g.
Proof.
  intros E. unfold total. induction (Z.to_nat (2 * b + 1)) as [| n IH]; cbn [first]; [easy |].
  now rewrite slope_add, IH, E.
Qed.
Lemma first_const n : @first (dual A) n (fun _ => one) = (first n (fun _ => one), zero).
Proof.
  induction n as [| n IH]; [reflexivity |]. cbn [first]. rewrite IH.
  apply injective_projections; [reflexivity |].
  change (@zero A [+] zero = zero). ring.
Qed.
Lemma value_const n : value (@const (dual A) n) = const n.
Proof. unfold const. now destruct (Z_le_gt_dec 0 n); rewrite first_const. Qed.
Lemma slope_constant n : slope (@const (dual A) n) = zero.
Proof.
  unfold const. destruct (Z_le_gt_dec 0 n); rewrite first_const; [reflexivity |].
  change (opp (@zero A) = zero). ring.
Qed.
Lemma slope_const n (a : dual A) : slope (const n [*] a) = const n [*] slope a.
Proof. rewrite slope_mul, value_const, slope_constant. ring. Qed.

(* What is made from operands that do not move does not move. *)
Lemma still_mul (a b : dual A) x y : a = (x, zero) -> b = (y, zero) -> a [*] b = (x [*] y, zero).
Proof.
  intros -> ->. apply injective_projections; [reflexivity |].
  change (x [*] zero [+] zero [*] y = zero). ring.
Qed.
Lemma still_add (a b : dual A) x y : a = (x, zero) -> b = (y, zero) -> a [+] b = (x [+] y, zero).
Proof.
  intros -> ->. apply injective_projections; [reflexivity |].
  change (@zero A [+] zero = zero). ring.
Qed.
Lemma still_total b (f : Z -> dual A) g :
  (forall v, f v = (g v, zero)) -> total b f = (total b g, zero).
Proof.
  intros E. apply injective_projections.
  - apply value_total. intros v. now rewrite E.
  - transitivity (total b (fun _ => @zero A)); [| now apply total_zero].
    apply slope_total. intros v. now rewrite E.
Qed.
Lemma still_lifted (f f' : A -> A) a x : a = (x, zero) -> lifted f f' a = (f x, zero).
Proof.
  intros ->. apply injective_projections; [reflexivity |]. change (f' x [*] zero = zero). ring.
Qed.
Lemma still_box e n : @box (dual A) e n = (box e n, zero).
Proof. unfold box; now destruct (within e n). Qed.
Lemma still_point e : @point (dual A) e = (point e, zero).
Proof. unfold point; now destruct (Z.eq_dec e 0). Qed.
Lemma still_const n : @const (dual A) n = (const n, zero).
Proof. apply injective_projections; [apply value_const | apply slope_constant]. Qed.

(* The one-point rule, where the point is an index. *)
Lemma total_at b e (f : Z -> A) : (b < Z.abs e -> f e = zero) ->
  total b (fun i => point (e - i) [*] f i) = f e.
Proof.
  intros F. apply (total_sift _ _ e).
  - intros i N. rewrite point_off by lia. ring.
  - rewrite point_at by lia. ring.
  - exact F.
Qed.
End Laws.

(* What is made from brackets and integers is an integer, the same in every ring. *)
Section Integers.
Variable A : Ring.
Lemma integer_box e n : @box A e n = const (@box integers e n).
Proof. unfold box; destruct (within e n); symmetry; [apply const_one | apply const_zero]. Qed.
Lemma integer_point e : @point A e = const (@point integers e).
Proof. unfold point; destruct (Z.eq_dec e 0); symmetry; [apply const_one | apply const_zero]. Qed.
Lemma integer_add (a b : A) (x y : integers) :
  a = const x -> b = const y -> a [+] b = const (x [+] y).
Proof. intros -> ->. symmetry. now apply const_add. Qed.
Lemma integer_mul (a b : A) (x y : integers) :
  a = const x -> b = const y -> a [*] b = const (x [*] y).
Proof. intros -> ->. symmetry. now apply const_mul. Qed.
Lemma integer_const n : @const A n = const (@const integers n).
Proof.
  f_equal. symmetry. revert n. apply Z.bi_induction.
  - intros ? ? ->. reflexivity.
  - reflexivity.
  - intros n. rewrite <- Z.add_1_r, (const_next integers). cbn. lia.
Qed.
Lemma integer_first n (f : Z -> A) (g : Z -> integers) :
  (forall v, f v = const (g v)) -> first n f = const (first n g).
Proof.
  intros E. induction n as [| n IH]; cbn [first]; [symmetry; apply const_zero |].
  now apply integer_add.
Qed.
End Integers.

(* The chain rule. A tensor is differentiated by each of its entries; the entries are a family,
   over whose indices one can sum. *)
Section Chain.
Variable A : Ring.
Add Ring chain_base : (laws A).
Record family : Type := {
  index : Type;
  gather : (index -> A) -> A;
  delta : index -> index -> A;
  beyond : index -> Prop;
  gather_ext : forall f g, (forall i, f i = g i) -> gather f = gather g;
  gather_add : forall f g, gather (fun i => f i [+] g i) = gather f [+] gather g;
  gather_scale : forall c f, c [*] gather f = gather (fun i => c [*] f i);
  gather_at : forall e f, (forall i, beyond i -> f i = zero) ->
    gather (fun i => delta e i [*] f i) = f e
}.
Definition alone : family.
Proof.
  refine {| index := unit; gather := fun f => f tt; delta := fun _ _ => one;
    beyond := fun _ => False |}; intros; try ring.
  - auto.
  - destruct e. ring.
Defined.
Definition along (b : Z) : family.
Proof.
  refine {| index := Z; gather := total b; delta := fun e i => point (e - i);
    beyond := fun i => b < Z.abs i |}; intros.
  - now apply total_ext.
  - apply total_add.
  - now apply total_scale.
  - apply total_at. auto.
Defined.
Definition both (S T : family) : family.
Proof.
  refine {| index := (index S * index T)%type;
    gather := fun f => gather S (fun i => gather T (fun j => f (i, j)));
    delta := fun e i => delta S (fst e) (fst i) [*] delta T (snd e) (snd i);
    beyond := fun i => beyond S (fst i) \/ beyond T (snd i) |}; intros.
  - apply gather_ext; intros; apply gather_ext; auto.
  - rewrite <- gather_add. apply gather_ext; intros. apply gather_add.
  - rewrite gather_scale. apply gather_ext; intros. apply gather_scale.
  - destruct e as [e e']. cbn [fst snd].
    transitivity (gather S (fun i => delta S e i [*] f (i, e'))).
    + apply gather_ext; intros i.
      rewrite <- (gather_at T e' (fun j => f (i, j))) by (intros; apply H; right; auto).
      rewrite gather_scale. apply gather_ext; intros. ring.
    + apply (gather_at S e (fun i => f (i, e'))). intros; apply H; left; auto.
Defined.
Lemma gather_zero S f : (forall i, f i = zero) -> gather S f = zero.
Proof.
  intros E. transitivity (gather S (fun i => zero [*] f i)).
  - apply gather_ext; intros; rewrite E; ring.
  - rewrite <- gather_scale. ring.
Qed.
Lemma gather_total S b (f : Z -> index S -> A) :
  total b (fun v => gather S (f v)) = gather S (fun i => total b (fun v => f v i)).
Proof.
  unfold total. induction (Z.to_nat (2 * b + 1)) as [| n IH]; cbn [first].
  - symmetry. now apply gather_zero.
  - now rewrite IH, <- gather_add.
Qed.

(* a is made from entries that move with slopes d; the b i are made from the same entries, of
   which the one at i alone moves, with slope one. *)
Definition follows (S : family) (d : index S -> A) (a : dual A) (b : index S -> dual A) : Prop :=
  (forall i, value (b i) = value a) /\ slope a = gather S (fun i => slope (b i) [*] d i).
Variables (S : family) (d : index S -> A).
Lemma follows_still a : slope a = zero -> follows S d a (fun _ => a).
Proof. intros E; split; auto. rewrite E. symmetry. apply gather_zero; intros; ring. Qed.
Lemma follows_entry x a e : value x = a -> slope x = d e ->
  (forall i, beyond S i -> d i = zero) -> follows S d x (fun i => (a, delta S e i)).
Proof. intros V E F; split; intros; [now rewrite V |]. rewrite E. symmetry. now apply gather_at. Qed.
Lemma follows_add a a' b b' : follows S d a b -> follows S d a' b' ->
  follows S d (a [+] a') (fun i => b i [+] b' i).
Proof.
  intros [V E] [V' E']; split; intros; rewrite ?value_add, ?slope_add.
  - now rewrite V, V'.
  - rewrite E, E', <- gather_add. apply gather_ext; intros. rewrite slope_add. ring.
Qed.
Lemma follows_mul a a' b b' : follows S d a b -> follows S d a' b' ->
  follows S d (a [*] a') (fun i => b i [*] b' i).
Proof.
  intros [V E] [V' E']; split; intros; rewrite ?value_mul, ?slope_mul.
  - now rewrite V, V'.
  - transitivity (value a [*] slope a' [+] value a' [*] slope a); [ring |].
    rewrite E, E', !gather_scale, <- gather_add. apply gather_ext; intros.
    rewrite slope_mul, V, V'. ring.
Qed.
Lemma follows_total b f g : (forall v, follows S d (f v) (fun i => g i v)) ->
  follows S d (total b f) (fun i => total b (g i)).
Proof.
  intros E; split; intros.
  - rewrite (value_total _ b (g i) (fun v => value (f v))) by (intros; apply E).
    symmetry. now apply value_total.
  - rewrite (slope_total _ b f (fun v => gather S (fun i => slope (g i v) [*] d i)))
      by (intros; apply E).
    rewrite gather_total. apply gather_ext; intros i.
    rewrite (slope_total _ b (g i) (fun v => slope (g i v))) by easy.
    transitivity (d i [*] total b (fun v => slope (g i v))); [| ring].
    symmetry. apply total_scale. intros; ring.
Qed.
Lemma follows_lifted f f' a b : follows S d a b ->
  follows S d (lifted f f' a) (fun i => lifted f f' (b i)).
Proof.
  intros [V E]; split; intros; unfold lifted, value, slope in *; cbn [fst snd].
  - now rewrite V.
  - rewrite E, gather_scale. apply gather_ext; intros. rewrite V. ring.
Qed.
End Chain.
Arguments alone {_}.
Arguments along {_} _.
Arguments both {_} _ _.
Arguments follows {_} _ _ _ _.

(* |e| <= u, by a name: arithmetic looks at it only when it is used. *)
Definition near (e u : Z) : Prop := Z.abs e <= u.
Lemma near_mul c v u : near v u -> near (c * v) (Z.abs c * u).
Proof. unfold near; rewrite Z.abs_mul. intros. apply Z.mul_le_mono_nonneg_l; lia. Qed.
Lemma near_div m v u : m <> 0 -> near (m * v) u -> near v u.
Proof. unfold near; rewrite Z.abs_mul. nia. Qed.

Definition enough (u bound : Z) : Prop := u <= bound.
Lemma more u least bound : enough u least -> least <= bound -> enough u bound.
Proof. apply Z.le_trans. Qed.
Lemma unreachable {bound e u} : bound < Z.abs e -> near e u -> enough u bound -> False.
Proof. unfold enough, near; lia. Qed.
(* The largest value of a function between -u and u. *)
Fixpoint highest (n : nat) (f : Z -> Z) : Z :=
  match n with
  | O => 0
  | S m => Z.max (highest m f) (f (Z.of_nat m))
  end.
Definition farthest (u : Z) (f : Z -> Z) : Z :=
  highest (Z.to_nat (2 * u + 1)) (fun i => f (i - u)%Z).
Lemma highest_le n f e : 0 <= e < Z.of_nat n -> f e <= highest n f.
Proof.
  induction n as [| n IH]; intros I; [lia |]. cbn [highest].
  destruct (Z.eq_dec e (Z.of_nat n)) as [-> | N]; [apply Z.le_max_r |].
  eapply Z.le_trans; [apply IH; lia | apply Z.le_max_l].
Qed.
Lemma farthest_le u f e : near e u -> f e <= farthest u f.
Proof.
  unfold near, farthest; intros N.
  pose proof (highest_le (Z.to_nat (2 * u + 1)) (fun i => f (i - u)) (e + u) ltac:(lia)) as L.
  cbn beta in L. now replace (e + u - u) with e in L by lia.
Qed.
Ltac largest :=
  match goal with
  | |- ?p <= ?p => apply Z.le_refl
  | |- ?p <= Z.max ?p _ => apply Z.le_max_l
  | _ => eapply Z.le_trans; [| apply Z.le_max_r]; largest
  end.

(* Two expressions of one shape, whose indices are equal polynomials. *)
Ltac congruent := repeat
  lazymatch goal with
  | |- ?a = ?a => reflexivity
  | |- @eq Z _ _ => ring
  | |- total _ _ = total _ _ => apply total_ext; intro
  | |- _ [*] _ = _ [*] _ => apply (f_equal2 mul)
  | |- _ [+] _ = _ [+] _ => apply (f_equal2 add)
  | |- lifted ?f ?g _ = lifted ?f ?g _ => apply (f_equal (lifted f g))
  | |- _ = _ => progress f_equal
  end.
(* A product with the factor zero. *)
Ltac void := repeat progress rewrite ?mul_zero_l, ?mul_zero_r; reflexivity.
(* An expression of brackets and integers is that expression over the integers. *)
Ltac integer := repeat
  match goal with
  | |- first _ _ = _ => apply integer_first; intro
  | |- _ [*] _ = _ => apply integer_mul
  | |- _ [+] _ = _ => apply integer_add
  | |- box _ _ = _ => apply integer_box
  | |- point _ = _ => apply integer_point
  | |- const _ = _ => apply integer_const
  | |- one = _ => symmetry; apply const_one
  | |- zero = _ => symmetry; apply const_zero
  end.
(* Under the sums of a sum that is zero. *)
Ltac inside := repeat (apply total_zero; intro).
(* What is made from moving entries, down to the entries themselves. *)
Ltac follow := repeat
  match goal with
  | |- follows _ _ ?a (fun _ => ?a) => apply follows_still;
      first [reflexivity | apply slope_box | apply slope_point | apply slope_constant]
  | |- follows _ _ (total _ _) _ => apply follows_total; intro
  | |- follows _ _ (_ [*] _) _ => apply follows_mul
  | |- follows _ _ (_ [+] _) _ => apply follows_add
  | |- follows _ _ (lifted _ _ _) _ => apply follows_lifted
  end.
(* What is made from operands that do not move. *)
Ltac still := repeat
  match goal with
  | |- total _ _ = _ => apply still_total; intro
  | |- _ [*] _ = _ => apply still_mul
  | |- _ [+] _ = _ => apply still_add
  | |- lifted _ _ _ = _ => apply still_lifted
  | |- box _ _ = _ => apply still_box
  | |- point _ = _ => apply still_point
  | |- const _ = _ => apply still_const
  | |- _ = _ => reflexivity
  end.
(* The value of an expression over the dual numbers, outside in. *)
Ltac project := repeat
  match goal with
  | |- value (total _ _) = _ => apply value_total; intro
  | |- value (_ [*] _) = _ => rewrite value_mul; apply f_equal2
  | |- value (_ [+] _) = _ => rewrite value_add; apply f_equal2
  | |- value (box _ _) = _ => apply value_box
  | |- value (point _) = _ => apply value_point
  | |- value (const _) = _ => apply value_const
  | |- value (lifted _ _ _) = _ => apply value_lifted
  end.
