/// What is written into pictures.
enum Words {
  /// Common English words of two letters to nine.
  static let english = split(
    """
    able about above act add after again age ago air all also always and angle animal answer any apple area arm army \
    ask autumn away baby back bag ball band bank bar base bath bean bear beat bed bee begin bell best better big bird \
    bit black blood blow blue board boat body bone book born both bottle bottom bowl box boy branch brave bread break \
    bridge bright bring brother brown brush build burn bus busy butter button buy cake call calm camp can car card \
    care carry case cat catch cause cave chain chair chalk chance change cheap cheese chicken child city clean clear \
    climb clock close cloth cloud coal coast coat coffee cold collar come cook cool copper copy cork corn corner \
    cost cotton count country cover cow cream cross crowd cry cup curtain cut dance danger dark day dead dear deep \
    deer desert desk detail dinner dirty dish dog door doubt down draw dream dress drink drive drop drum dry duck \
    dust each ear early earth east easy edge egg eight empty end engine enough equal even every eye face fact fall \
    false family far farm fast father fear feather field fight fill find finger fire first fish five flag flat \
    floor flower fly fold food foot forest fork form forty four free fresh friend frog front fruit full game garden \
    gate general girl give glass glove goat gold good grain grass great green grey grip ground group grow guide gun \
    hair half hammer hand happy harbour hard hat head heart heat heavy help here high hill history hole home honey \
    hook hope horn horse hospital hotel hour house how humour hundred hurry ice idea ink iron island jam jewel join \
    jump just keep kettle key kick kind king kiss kitchen knee knife knot lady lake lamp land large last late laugh \
    lead leaf learn left leg lemon letter level library lift light like line lion lip list little lock long look \
    loud love low lunch machine make man many map mark market mass match meal mean meat medium metal middle milk \
    mind mine minute mix money monkey month moon more morning mother mountain mouth move much music nail name narrow \
    nation near neck needle nerve net never new night nine noise normal north nose note number nut ocean off office \
    often oil old one onion open orange order other oven over page pain paint pair paper park part party paste past \
    path pen pencil people pepper person phone picture pig pin pipe place plane plant plate play please plough pocket \
    point poor port pot potato powder power present price print prison public pull pump pure push put queen quick \
    quiet radio rail rain range rat read ready real red regular rest rice rich right ring river road rock roll roof \
    room root rough round row rule run sad safe sail salt same sand say scale school science scissors sea seat second \
    secret see seed seven shade shake shape sharp sheep shelf ship shirt shock shoe shop short shut side sign silk \
    silver simple sister six size skin skirt sky sleep slow small smell smile smoke smooth snake snow soap sock soft \
    solid some song soon sort sound soup south space spade spoon spring square stage stamp star start station steam \
    steel stem step stick still stomach stone stop store storm story street strong sugar summer sun sweet swim table \
    tail take talk tall taste tax teacher ten tent test thick thin thing think three thumb thunder ticket tiger time \
    tin tired toe tomato tongue tooth top touch town toy trade train tree true trust turn twelve two umbrella under \
    unit uncle value velvet very view violet voice walk wall war warm wash watch water wave way weather week weight \
    west wheel when whip white wide wild wind window wine wing winter wire wise with wolf woman wood wool word work \
    world worm wrong year yellow yes young zebra zero
    """)

  /// First names.
  static let names = split(
    "Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Umar Vera Will "
      + "Yuki Zoe Ahmed Bruno Chen Diego Elena Farid Hana Ivan Julia Karim Lena Marco Nina Omar Petra Ravi Sara Tom"
  )
  /// Family names.
  static let surnames = split(
    "Adams Baker Carter Diaz Evans Fischer Garcia Hill Ito Jones Khan Lopez Meyer Novak Ortiz Patel Quinn Rossi Smith "
      + "Tanaka Usman Vogel Walker Young Zhang Berg Costa Dubois Klein Moreau Silva Wong")
  /// Cities.
  static let cities = split(
    "Paris London Rome Berlin Madrid Oslo Cairo Tokyo Delhi Lima Boston Dublin Vienna Prague Athens Lisbon Seoul "
      + "Austin Geneva Milan Zurich Turin Lyon Porto Kyoto Quito Accra Dakar")
  /// Shop goods.
  static let goods = split(
    "Bread Milk Eggs Butter Cheese Apples Rice Tea Coffee Sugar Soap Pasta Honey Juice Water Salt Beans Fish Lemons "
      + "Onions Cake Jam Oil Tomato Banana Yogurt Flour Pepper Salad Soup Cookies Grapes Pizza Candle Pencil Paper"
  )
  /// Shops.
  static let shops = split(
    "MARKET BAKERY CAFE GROCER DELI KIOSK STORE BISTRO CORNER FARM PANTRY HARBOUR SUNNY GREEN")
  /// Months, short.
  static let months = split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
  /// Week days, short.
  static let days = split("Mon Tue Wed Thu Fri Sat Sun")

  static let ordinals = split("first second third fourth fifth sixth")

  private static func split(_ text: String) -> [String] {
    text.split { $0 == " " || $0 == "\n" }.map(String.init)
  }

  /// Letters whose capital looks like a larger small letter.
  private static let caseless: Set<Character> = Set("cosuvwxzCOSUVWXZ")

  /// A word in small letters, capitals or capitalised, never one whose case cannot be seen.
  static func cased(_ word: String, _ random: inout SynthRandom) -> String {
    if word.allSatisfy(caseless.contains) { return word }
    switch random.int(0...3) {
    case 0: return word.uppercased()
    case 1: return Phrasing.capitalised(word)
    default: return word
    }
  }

  /// Letters and digits that cannot be taken for others, all capitals or all small.
  static func mixed(_ length: Int, _ random: inout SynthRandom) -> String {
    let digits = Array("23456789")
    let letters = random.chance(0.6) ? Array("ABCDEFGHJKLMNPRTUVWXYZ") : Array("abdefghkmnprty")
    let share = random.pick([0, 0.3, 0.6])
    return String((0..<length).map { _ in random.chance(share) ? random.pick(digits) : random.pick(letters) })
  }

  /// Digits, sometimes with a point, a sign, groups, a currency.
  static func number(_ length: Int, _ random: inout SynthRandom) -> String {
    func digits(_ count: Int) -> String {
      String(
        (0..<max(1, count)).map { random.pick(Array($0 == 0 && count > 1 ? "123456789" : "0123456789")) })
    }
    guard length >= 4 else { return digits(length) }
    switch random.int(0...7) {
    case 0: return digits(length - 3) + "." + digits(1) + digits(1)
    case 1: return "$" + digits(length - 4) + "." + digits(1) + digits(1)
    case 2: return digits(length - 2) + "%"
    case 3 where length >= 5:
      return "\(random.int(10...23)):\(random.int(10...59))"
    case 4: return "-" + digits(length - 1)
    case 5 where length >= 8:
      return "\(random.int(10...28))/\(random.int(10...12))/\(random.int(1990...2035))"
    default: return digits(length)
    }
  }
}
