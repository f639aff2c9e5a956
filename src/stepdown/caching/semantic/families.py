"""Questions from which training pairs are made: ways to ask the same, and near misses.

All sentences are our own. ``generate`` fills the slots in braces and pairs what it made.
"""

from msgspec import Struct


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split("|"))


SLOTS: dict[str, tuple[str, ...]] = {
    "city": _listed(
        "Berlin|Lagos|Osaka|Lima|Toronto|Mumbai|Cairo|Oslo|Seoul|Denver|Lisbon|Nairobi|Hanoi|"
        "Prague|Boston|Madrid|Jakarta|Athens|New York|Cape Town|San Diego|Buenos Aires"
    ),
    "country": _listed(
        "Germany|Nigeria|Japan|Peru|Canada|India|Egypt|Norway|South Korea|Brazil|Portugal|Kenya|"
        "Vietnam|France|Spain|Greece|Mexico|Australia|Turkey|Poland|Chile|Ireland"
    ),
    "person": _listed(
        "Marie Curie|Isaac Newton|Albert Einstein|Frida Kahlo|Nelson Mandela|Ada Lovelace|"
        "Mahatma Gandhi|Charles Darwin|Leonardo da Vinci|Nikola Tesla|Napoleon|Cleopatra"
    ),
    "language": _listed(
        "Python|Java|JavaScript|Rust|Go|C++|Ruby|Kotlin|Swift|PHP|Scala|Haskell|TypeScript"
    ),
    "speech": _listed(
        "English|Spanish|French|German|Japanese|Mandarin|Arabic|Hindi|Korean|Italian"
    ),
    "thing": _listed(
        "a list|a dictionary|a string|an array|a file|a set|a queue|a matrix|a tree|a tuple"
    ),
    "call": _listed(
        "map()|filter()|json.loads|os.path.join|setTimeout|useEffect|git rebase|git merge|"
        "docker run|kubectl apply|np.where|str.split|Array.reduce|pd.concat|pd.merge"
    ),
    "product": _listed(
        "iPhone 15|iPhone 14|Galaxy S23|Galaxy S24|Pixel 8|Pixel 7|MacBook Air|MacBook Pro|"
        "Windows 10|Windows 11|Excel|Outlook|Gmail|WhatsApp|Instagram|Telegram|Chrome|Firefox|"
        "PlayStation 5|Xbox|Netflix|Spotify|Kindle|Ubuntu"
    ),
    "firm": _listed(
        "Google|Amazon|Microsoft|Toyota|Samsung|Intel|Nokia|Siemens|Oracle|Netflix|Boeing|IBM|"
        "Infosys|Uber|Tesla|Adobe"
    ),
    "food": _listed(
        "rice|pasta|lentils|bread|chicken|salmon|potatoes|eggs|quinoa|oatmeal|tofu|spinach"
    ),
    "illness": _listed(
        "a cold|diabetes|asthma|malaria|migraine|anemia|the flu|eczema|insomnia|depression|"
        "high blood pressure|arthritis|acne|back pain"
    ),
    "animal": _listed("dog|cat|elephant|penguin|whale|horse|rabbit|snake|tiger|owl|parrot|shark"),
    "subject": _listed(
        "calculus|organic chemistry|machine learning|statistics|economics|physics|astronomy|"
        "accounting|psychology|linear algebra|history|photography|biology|marketing"
    ),
    "skill": _listed(
        "play the guitar|swim|cook|drive|draw|sing|play chess|write code|dance|speak in public|"
        "type fast|play the piano|paint|invest|meditate"
    ),
    "number": _listed("2|3|5|7|10|12|15|20|25|30|45|50|60|90|100|120|250|500|1000"),
    "year": _listed("1914|1945|1969|1989|1999|2001|2008|2012|2016|2018|2020|2022|2023"),
    "status": _listed("400|401|403|404|409|422|429|500|502|503|504"),
    "unit": _listed(
        "miles|kilometers|pounds|kilograms|inches|centimeters|gallons|liters|dollars|euros|"
        "hours|minutes|days|weeks|meters|feet"
    ),
    "month": _listed("January|February|March|April|June|July|August|September|October|November"),
    "weekday": _listed("Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"),
    "order": _listed(
        "order|parcel|package|delivery|shipment|refund|invoice|subscription|card|ticket"
    ),
    "drink": _listed("coffee|green tea|wine|milk|beer|orange juice|soda|water|black tea"),
    "goal": _listed(
        "lose weight|gain weight|gain muscle|save money|make money|sleep better|wake up early|"
        "stop smoking|learn faster|read faster|focus|stop procrastinating|grow taller|"
        "make friends|become confident|control my anger|improve my English"
    ),
}


class Family(Struct, frozen=True):
    """``same``: ways to ask one thing. ``near``: others, each of which asks something else."""

    same: tuple[str, ...]
    near: tuple[str, ...]


def _family(same: str, near: str) -> Family:
    return Family(_listed(same), _listed(near))


FAMILIES = (
    _family(
        "What is the capital of {country}?|Which city is the capital of {country}?|Tell me the "
        "capital city of {country}.|capital of {country}|What's {country}'s capital?|Name the "
        "capital of {country}",
        "What is the largest city of {country}?|What is the population of {country}?|What is the "
        "currency of {country}?|What is the capital market of {country}?|Who is the president of "
        "{country}?",
    ),
    _family(
        "How many people live in {city}?|What is the population of {city}?|population of {city}|"
        "How big is the population of {city}?|What's the number of inhabitants of {city}?",
        "How many people visit {city} each year?|What is the area of {city}?|How many people work "
        "in {city}?|What is the population density of {city}?|Is {city} a good place to live?",
    ),
    _family(
        "How far is it from {city} to {city2}?|What is the distance between {city} and {city2}?|"
        "distance from {city} to {city2}|How many kilometers are there between {city} and {city2}?",
        "How long is the flight from {city} to {city2}?|How far is it from {city} to {country}?|"
        "What is the time difference between {city} and {city2}?|Is {city} bigger than {city2}?",
    ),
    _family(
        "How do I get from {city} to {city2} by train?|What is the best way to travel from {city} "
        "to {city2} by train?|train from {city} to {city2}|Which train goes from {city} to "
        "{city2}?",
        "How do I get from {city2} to {city} by train?|How do I get from {city} to {city2} by "
        "bus?|How much is a train from {city} to {city2}?|Which trains from {city2} go to {city}?",
    ),
    _family(
        "When was {person} born?|What is the birth date of {person}?|In which year was {person} "
        "born?|date of birth of {person}|{person}'s birthday?",
        "When did {person} die?|Where was {person} born?|How old was {person} when he died?|Who "
        "were the parents of {person}?",
    ),
    _family(
        "What is {person} famous for?|Why is {person} famous?|What did {person} do to become "
        "famous?|What is {person} best known for?|What makes {person} so well known?",
        "Why was {person} criticised?|When did {person} become famous?|What did {person} study?|"
        "What is the best book on {person}?|Where did {person} live?",
    ),
    _family(
        "How do I sort {thing} in {language}?|What is the best way to sort {thing} in "
        "{language}?|sort {thing} {language}|How can {thing} be sorted with {language}?|In "
        "{language}, how would I sort {thing}?",
        "How do I reverse {thing} in {language}?|How do I sort {thing} in {language} in "
        "descending order?|How do I copy {thing} in {language}?|How do I search {thing} in "
        "{language}?|How do I sort {thing} in {language} without a library?",
    ),
    _family(
        "How do I read {thing} in {language}?|How can I read {thing} using {language}?|Reading "
        "{thing} with {language}: how?|Show me how to read {thing} in {language}",
        "How do I write {thing} in {language}?|How do I delete {thing} in {language}?|Why can't I "
        "read {thing} in {language}?|How do I read {thing} in {language} line by line?",
    ),
    _family(
        "What does `{call}` do?|Explain `{call}`|What is the purpose of `{call}`?|How does "
        "`{call}` work?|Can you explain what `{call}` does?|What is {call} used for?",
        "Why is `{call}` slow?|What does `{call}` return on error?|When should I not use "
        "`{call}`?|What can I use instead of `{call}`?|How do I undo `{call}`?",
    ),
    _family(
        "What is the difference between {language} and {language2}?|How does {language} differ "
        "from {language2}?|{language} vs {language2}: what are the differences?|In what ways are "
        "{language} and {language2} different?",
        "Is {language} faster than {language2}?|How do I convert {language} to {language2}?|How "
        "do I call {language} from {language2}?|What do {language} and {language2} have in common?",
    ),
    _family(
        "How do I convert {language} code to {language2}?|What is the easiest way to translate "
        "{language} code into {language2}?|Convert {language} to {language2}|How can I port a "
        "{language} program to {language2}?",
        "How do I convert {language2} code to {language}?|Translate {language2} code into "
        "{language}|How do I run {language} code from {language2}?|Should I learn {language} or "
        "{language2}?",
    ),
    _family(
        "What does HTTP status {status} mean?|What is the meaning of HTTP {status}?|Explain the "
        "HTTP {status} status code|HTTP error {status} meaning|What is a {status} error?",
        "How do I return HTTP status {status}?|Why do I get HTTP status {status} in {language}?|"
        "How do I ignore HTTP {status}?|Who invented HTTP status {status}?",
    ),
    _family(
        "How do I enable dark mode in {product}?|How can I turn on dark mode on {product}?|"
        "Where do I switch on dark mode in {product}?|turn on dark mode {product}|What is the "
        "way to activate dark mode in {product}?",
        "How do I disable dark mode in {product}?|How can I turn off dark mode on {product}?|"
        "How do I enable notifications in {product}?|Does {product} have no dark mode?",
    ),
    _family(
        "How do I turn off notifications on {product}?|How can I disable notifications in "
        "{product}?|What is the way to stop notifications on {product}?|Switch off {product} "
        "notifications|disable notifications {product}",
        "How do I turn on notifications on {product}?|How can I enable notifications in "
        "{product}?|Why do I get no notifications on {product}?|How do I turn off sounds on "
        "{product}?",
    ),
    _family(
        "How do I reset my {product} password?|I forgot my {product} password, how can I recover "
        "it?|How can I recover the password of {product}?|What should I do if I forgot my "
        "{product} password?|reset {product} password",
        "How do I change my {product} user name?|How do I reset my {product} to factory "
        "settings?|How do I see my {product} password?|How do I protect my {product} with a "
        "password?",
    ),
    _family(
        "How do I delete my {product} account?|How can I permanently delete a {product} account?|"
        "What are the steps to close my {product} account?|Remove my {product} account|I want to "
        "get rid of my {product} account",
        "How do I create a {product} account?|How do I recover a deleted {product} account?|How "
        "do I delete a post on {product}?|How do I add a second {product} account?",
    ),
    _family(
        "Why is my {product} so slow?|What makes {product} slow?|My {product} is slow, what is "
        "the reason?|{product} running slow, why?|What are the reasons for {product} being slow?",
        "Why is my {product} so hot?|Why is my {product} so expensive?|How fast is {product}?|"
        "Why does my {product} not start?",
    ),
    _family(
        "Should I buy {product} or {product2}?|Which is better, {product} or {product2}?|Which "
        "one should I get: {product} or {product2}?|Is {product} better than {product2}?",
        "Can I use {product} with {product2}?|How do I move my data from {product} to "
        "{product2}?|When was {product} released?|Why did {product} replace {product2}?",
    ),
    _family(
        "How do I move my data from {product} to {product2}?|How can I transfer data from "
        "{product} to {product2}?|transfer files from {product} to {product2}|What is the easiest "
        "way to copy my data from {product} to {product2}?",
        "How do I move my data from {product2} to {product}?|How can I transfer data from "
        "{product2} to {product}?|How do I delete my data from {product}?|Is {product} better than "
        "{product2}?",
    ),
    _family(
        "How do I get a job at {firm}?|What should I do to get hired by {firm}?|How can I get a "
        "job in {firm}?|What does it take to work at {firm}?|What is the best way to be hired at "
        "{firm}?",
        "How do I quit my job at {firm}?|What is it like to work at {firm}?|How much does {firm} "
        "pay?|What questions does {firm} ask in interviews?|How do I buy shares of {firm}?",
    ),
    _family(
        "What is it like to work at {firm}?|How is it to work for {firm}?|How do employees like "
        "working at {firm}?|What is the work culture at {firm}?",
        "How do I get a job at {firm}?|What does {firm} make?|Who works with {firm}?|What is it "
        "like to be fired by {firm}?",
    ),
    _family(
        "Who founded {firm}?|Who is the founder of {firm}?|Who started {firm}?|Who was {firm} "
        "founded by?|Name the founder of {firm}",
        "When was {firm} founded?|Where was {firm} founded?|Who is the CEO of {firm}?|Who owns "
        "{firm}?|Why was {firm} founded?",
    ),
    _family(
        "How long should I cook {food}?|What is the cooking time for {food}?|How many minutes "
        "does {food} need to cook?|cooking time {food}|How long does it take to cook {food}?",
        "How long does cooked {food} keep?|How much {food} should I cook?|At what temperature "
        "should I cook {food}?|How long should I soak {food}?|Can I eat {food} without cooking?",
    ),
    _family(
        "Is {food} good for you?|Is it healthy to eat {food}?|What are the health benefits of "
        "{food}?|Does eating {food} have benefits?|Why is {food} healthy?",
        "Is {food} bad for you?|What are the side effects of eating {food}?|Is {food} good for "
        "dogs?|How is {food} made?|Why is {food} expensive?",
    ),
    _family(
        "What are the symptoms of {illness}?|How do I know if I have {illness}?|What are the signs "
        "of {illness}?|symptoms of {illness}|Which symptoms does {illness} have?",
        "What are the causes of {illness}?|How is {illness} treated?|How can I prevent {illness}?|"
        "Is {illness} contagious?|Can you die from {illness}?",
    ),
    _family(
        "How can {illness} be treated?|What is the best treatment for {illness}?|How do I cure "
        "{illness}?|How do I get rid of {illness}?|What helps against {illness}?|remedies for "
        "{illness}",
        "What causes {illness}?|How do I get {illness}?|What makes {illness} worse?|How long does "
        "{illness} last?|What should I not eat with {illness}?",
    ),
    _family(
        "Is {drink} bad for your health?|Is drinking {drink} unhealthy?|Does {drink} harm the "
        "body?|What are the bad effects of {drink}?|What harm does drinking {drink} do?",
        "Is {drink} good for your health?|What are the benefits of {drink}?|How is {drink} made?|"
        "Is it bad to stop drinking {drink}?|How much {drink} is too much?",
    ),
    _family(
        "How long does a {animal} live?|What is the lifespan of a {animal}?|How old can a "
        "{animal} get?|average life of a {animal}|How many years does a {animal} live?",
        "Where does a {animal} live?|How much does a {animal} weigh?|What does a {animal} eat?|"
        "How fast is a {animal}?|How long is a {animal} pregnant?",
    ),
    _family(
        "What is the best way to learn {subject}?|How can I learn {subject}?|How should I start "
        "learning {subject}?|How do I teach myself {subject}?|What are good ways to study "
        "{subject}?|What is the best approach to learning {subject}?",
        "Is {subject} hard to learn?|Why should I learn {subject}?|What is {subject}?|How do I "
        "teach {subject} to children?|What jobs can I get with {subject}?|How long does it take "
        "to learn {subject}?",
    ),
    _family(
        "What are the best books on {subject}?|Which book should I read to learn {subject}?|Can "
        "you recommend a good book about {subject}?|good {subject} books|What is a good book for "
        "{subject}?",
        "What are the best videos on {subject}?|Who wrote the first book on {subject}?|What are "
        "the oldest books on {subject}?|How do I write a book about {subject}?|What are the best "
        "universities for {subject}?",
    ),
    _family(
        "How do I learn to {skill}?|What is the best way to learn to {skill}?|How can I learn how "
        "to {skill}?|How does one learn to {skill}?|I want to learn to {skill}, how do I begin?",
        "How long does it take to learn to {skill}?|Is it too late to learn to {skill}?|Why do "
        "people {skill}?|How do I teach someone to {skill}?|Where can I {skill}?",
    ),
    _family(
        "How can I {goal}?|What should I do to {goal}?|What is the best way to {goal}?|How do I "
        "{goal}?|What are some tips to {goal}?|How could I {goal} quickly?|What are the best ways "
        "to {goal}?",
        "Why do I want to {goal}?|Why can't I {goal}?|Is it bad to {goal}?|How long does it take "
        "to {goal}?|How can I help my brother {goal}?|Should I {goal}?",
    ),
    _family(
        "How many {unit} is {number} {unit2}?|Convert {number} {unit2} to {unit}|{number} {unit2} "
        "in {unit}|What is {number} {unit2} in {unit}?",
        "How many {unit2} is {number} {unit}?|Convert {number} {unit} to {unit2}|Is {number} "
        "{unit2} a lot?|What costs {number} {unit2}?",
    ),
    _family(
        "What is {number} percent of {number2}?|Calculate {number}% of {number2}|How much is "
        "{number} percent of {number2}?|{number}% of {number2}",
        "What percent of {number2} is {number}?|What is {number} times {number2}?|What is "
        "{number2} plus {number} percent?|What is {number} divided by {number2}?",
    ),
    _family(
        "What happened in {country} in {year}?|What were the main events in {country} in {year}?|"
        "events of {year} in {country}|Tell me what took place in {country} in {year}",
        "What happened in {country} before {year}?|Who ruled {country} in {year}?|What did "
        "{country} export in {year}?|What will not change in {country} after {year}?",
    ),
    _family(
        "Who won the election in {country} in {year}?|Who was the winner of the {year} election "
        "in {country}?|{year} {country} election winner|Which candidate won {country}'s {year} "
        "election?",
        "Who lost the election in {country} in {year}?|Why was there an election in {country} in "
        "{year}?|Who could vote in {country} in {year}?|When was the election in {country} in "
        "{year}?",
    ),
    _family(
        "How do I say thank you in {speech}?|What is the word for thank you in {speech}?|"
        "Thank you in {speech}?|How would you say 'thank you' in {speech}?",
        "How do I say goodbye in {speech}?|How do I say you're welcome in {speech}?|How do I "
        "answer to thank you in {speech}?|Who speaks {speech}?",
    ),
    _family(
        "Translate this sentence from {speech} to {speech2}|Can you put this {speech} sentence "
        "into {speech2}?|I need this sentence translated from {speech} to {speech2}",
        "Translate this sentence from {speech2} to {speech}|Is {speech} harder than {speech2}?|"
        "Correct this {speech} sentence|Do not translate this {speech} sentence to {speech2}",
    ),
    _family(
        "Where is my {order}?|My {order} has not arrived yet, where is it?|When will I get my "
        "{order}?|I am still waiting for my {order}|Can you tell me the status of my {order}?|"
        "How do I track my {order}?|My {order} still isn't here",
        "How do I cancel my {order}?|My {order} arrived damaged|How do I change my {order}?|I "
        "never ordered a {order}|How do I pay for my {order}?|I received my {order} twice",
    ),
    _family(
        "How do I cancel my {order}?|I want to cancel my {order}|Please cancel the {order}|Can I "
        "still cancel my {order}?|What do I have to do to cancel a {order}?",
        "How do I renew my {order}?|Why was my {order} cancelled?|Do not cancel my {order}|Where "
        "is my {order}?|How much does it cost to cancel my {order}?|Who cancelled my {order}?",
    ),
    _family(
        "Are you open on {weekday}?|What are your opening hours on {weekday}?|When do you open on "
        "{weekday}?|opening hours {weekday}|Which hours are you open on {weekday}?",
        "Are you closed on {weekday}?|Do you deliver on {weekday}?|What happens on {weekday}?|"
        "Are you hiring on {weekday}?",
    ),
    _family(
        "What is the weather like in {city} in {month}?|How is the weather in {city} in {month}?|"
        "{city} weather in {month}|What kind of weather does {city} have in {month}?",
        "How much is a hotel in {city} in {month}?|Is {city} crowded in {month}?|Which festivals "
        "does {city} have in {month}?|Why is the weather in {city} bad in {month}?",
    ),
    _family(
        "Is {city} a safe place to visit?|Is it safe to travel to {city}?|How safe is {city} for "
        "tourists?|Is {city} safe?|Are tourists safe in {city}?",
        "Is {city} dangerous for women?|Is {city} worth a visit?|Why is {city} unsafe?|Is {city} "
        "expensive?|Is it safe to drink the water in {city}?",
    ),
    _family(
        "What are the best places to visit in {country}?|Which places should I see in {country}?|"
        "What should I see in {country}?|Where should I go in {country}?|must-see places in "
        "{country}|What are the top tourist attractions in {country}?",
        "What are the best places to work in {country}?|What places in {country} should I avoid?|"
        "When is the best time to visit {country}?|What is the best food in {country}?|Do I need "
        "a visa to visit {country}?",
    ),
    _family(
        "When is the best time to visit {country}?|What is the best month to go to {country}?|In "
        "which season should I travel to {country}?|best time to travel to {country}",
        "How much time do I need to visit {country}?|When is the worst time to visit {country}?|"
        "What time is it in {country}?|Where is the best place to visit in {country}?",
    ),
    _family(
        "How do I write a function that adds {number} numbers in {language}?|Write a {language} "
        "function to add {number} numbers|{language}: function for the sum of {number} numbers|"
        "Give me a {language} function which sums up {number} numbers",
        "How do I write a function that multiplies {number} numbers in {language}?|Write a "
        "{language} function to sort {number} numbers|How do I write a test that adds {number} "
        "numbers in {language}?",
    ),
    _family(
        "Summarize the following text in {number} words|Write a summary of this text in {number} "
        "words|Give me a {number} word summary of the text below|Sum up the text in {number} words",
        "Summarize the following text in {number} sentences|Expand the following text to {number} "
        "words|Translate the following text of {number} words|Count the words of the following "
        "text",
    ),
    _family(
        "Why is the sky blue?|What makes the sky blue?|What is the reason that the sky is blue?|"
        "Why does the sky look blue?|How come the sky is blue?",
        "Why is the sky red?|Is the sky blue?|When is the sky blue?|Why is the sea blue?|Why is "
        "the sky not blue?",
    ),
    _family(
        "What is the meaning of life?|What's the purpose of life?|What is the point of living?|"
        "Why do we live?|What is the purpose of our existence?",
        "What is the meaning of death?|What is the origin of life?|What is life insurance?|How "
        "long is a life?|What is the meaning of the word life?",
    ),
    _family(
        "How does a computer work?|Explain how computers work|What is the working of a "
        "computer?|How do computers function?|Can you explain how a computer functions?",
        "How does a computer fail?|How do I buy a computer?|Who invented the computer?|How do "
        "computers work together?|Why do computers not work?",
    ),
)
